"""The dashboard in Chromium: the time until it shows, its cost, and the delay of a row."""

from __future__ import annotations

import shutil
import statistics
import time
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from . import audits
from .backlog import EVENTS_PER_JOB
from .figures import Figure
from .relay import Relay, relay

__all__ = ["figures"]

_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
_SMALL, _LARGE = 10_000, 100_000
_RATE = 500.0
_SECONDS = 12
_ROUNDS = 5
_PACED = 900
"""Events of a hundred jobs, in ten seconds."""

_OBSERVE = """() => {
  window.tasks = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) window.tasks.push(entry.duration);
  }).observe({ type: "longtask" });
  window.frames = 0;
}"""

_SCROLL = """(seconds) => new Promise((done) => {
  const frame = document.getElementById("frame");
  const end = performance.now() + 1000 * seconds;
  let frames = 0, last = performance.now(), slow = [];
  const step = (now) => {
    slow.push(now - last);
    last = now;
    frames++;
    frame.scrollTop += 40;
    if (now < end) requestAnimationFrame(step);
    else done(slow.slice(1));
  };
  requestAnimationFrame(step);
})"""


_WATCH = """
window.seen = [];
const came = new Map();
const Socket = window.WebSocket;
window.WebSocket = class extends Socket {
  set onmessage(take) {
    super.onmessage = (event) => {
      const message = JSON.parse(event.data);
      if (message.type === "job" && !came.has(message.id)) came.set(message.id, performance.now());
      take(event);
    };
  }
};
const look = () => {
  for (const row of document.querySelectorAll("tr[data-id]")) {
    const at = came.get(row.dataset.id);
    if (at === undefined) continue;
    came.set(row.dataset.id, undefined);
    window.seen.push(performance.now() - at);
  }
  requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""


_INTERACT = """() => {
  window.interactions = new Map();
  new PerformanceObserver((list) => {
    for (const { interactionId: id, duration } of list.getEntries()) {
      if (id) window.interactions.set(id, Math.max(window.interactions.get(id) ?? 0, duration));
    }
  }).observe({ type: "event", durationThreshold: 16, buffered: true });
}"""
"""Keeps the time from each interaction to the next paint, if it is 16 ms or more."""

_SCRIPTS = """async () => {
  const names = performance.getEntriesByType("resource").map(({ name }) => name)
    .filter((name) => name.endsWith(".js"));
  const worker = new URL(document.body.dataset.worker, location.href).href;
  const sizes = [...new Set([...names, worker])].map(async (name) => {
    await (await fetch(name, { cache: "reload" })).arrayBuffer();
    return performance.getEntriesByName(name).at(-1).encodedBodySize;
  });
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}"""


def _live(page: Page) -> None:
    page.wait_for_selector('#state[data-state="live"]', timeout=120_000)


def _first_view(browser: Browser, server: Relay, jobs: int, bound_ms: float) -> list[Figure]:
    paints: list[float] = []
    sizes: list[float] = []
    for _ in range(_ROUNDS):
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{server.port}/")
        found: dict[str, Any] = page.evaluate(
            """async () => ({
              paint: await new Promise((done) => new PerformanceObserver((list) => {
                const found = list.getEntriesByName("first-contentful-paint")[0];
                if (found) done(found.startTime);
              }).observe({ type: "paint", buffered: true })),
              size: [...performance.getEntriesByType("navigation"),
                     ...performance.getEntriesByType("resource")]
                .reduce((sum, entry) => sum + entry.transferSize, 0),
            })"""
        )
        paints.append(found["paint"])
        sizes.append(found["size"] / 1000)
        context.close()
    return [
        Figure(
            f"first rows painted, {jobs:,} jobs",
            statistics.median(paints), "ms", "the bound", bound_ms, 1.0, at_most=True,
        ),
        Figure(
            f"transferred for the first view, {jobs:,} jobs",
            statistics.median(sizes), "KB", "the bound", 300, 1.0, at_most=True,
        ),
    ]  # fmt: skip


def _busy(
    browser: Browser, server: Relay, what: str = "jobs", *, opens: bool = False
) -> list[Figure]:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{server.port}/")
    _live(page)
    if opens:
        page.locator("tr.head .toggle").click()
    page.evaluate(_OBSERVE)
    server.tell(do="paced", events=int(_RATE * _SECONDS), rate=_RATE)
    gaps: list[float] = sorted(page.evaluate(_SCROLL, _SECONDS - 2))
    server.answer()
    tasks: list[float] = page.evaluate("window.tasks")
    session = context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    heap = session.send("Runtime.getHeapUsage")["usedSize"] / 1e6
    held = page.evaluate("document.getElementById('count').textContent")
    context.close()
    print(f"held: {held}; long tasks: {len(tasks)}, longest {max(tasks, default=0):.0f} ms")
    # Tasks below 50 ms are not reported by the browser; a frame that is one counts as one task.
    share = len(tasks) / len(gaps)
    return [
        Figure(
            f"share of frames with a task over 50 ms, {_LARGE:,} {what}, {_RATE:.0f} events/s",
            share * 100, "%", "p95 means", 5.0, 1.0, at_most=True,
        ),
        Figure("heap of the page", heap, "MB", "the bound", 200, 1.0, at_most=True),
        Figure(
            "frames while scrolling",
            1000 / statistics.mean(gaps), "1/s", "the screen", 60, 0.95,
        ),
    ]  # fmt: skip


def _interactions(browser: Browser, server: Relay) -> list[Figure]:
    """Use the page as a reader does, by mouse and keyboard, while events arrive."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{server.port}/")
    _live(page)
    page.evaluate(_INTERACT)
    server.tell(do="paced", events=int(_RATE * _SECONDS), rate=_RATE)
    field = page.get_by_role("combobox")
    end = time.perf_counter() + _SECONDS - 2
    while time.perf_counter() < end:
        field.click()
        page.keyboard.type("name:run-7* state:ru", delay=60)
        page.keyboard.press("Enter")
        page.keyboard.press("Escape")
        page.keyboard.type("7-1", delay=60)
        page.get_by_role("button", name="Clear", exact=True).click()
        page.keyboard.press("Escape")
        page.locator('th[data-key="name"] button').click()
        page.locator("tbody tr[data-id] .pick input").nth(2).click()
        for _ in range(8):
            page.keyboard.press("ArrowDown")
        page.get_by_role("button", name="Select none").click()
        page.locator(".figure-card").nth(1).click()
        page.locator('th[data-key="id"] button').click()
    server.answer()
    told: list[float] = page.evaluate("[...window.interactions.values()]")
    count: int = page.evaluate("performance.interactionCount")
    size: float = page.evaluate(_SCRIPTS)
    context.close()
    # Those that were not told took less than 16 ms.
    late = sorted([*told, *[16.0] * (count - len(told))])
    print(
        f"interactions: {count}; longest {late[-1]:.0f} ms, median {statistics.median(late):.0f} ms"
    )
    return [
        Figure(
            f"interaction to next paint, p95, {_LARGE:,} jobs, {_RATE:.0f} events/s",
            late[int(0.95 * len(late))], "ms", "the bound", 50, 1.0, at_most=True,
        ),
        Figure(
            "scripts of the page of jobs, compressed", size / 1000, "KB", "the bound", 120, 1.0,
            at_most=True,
        ),
    ]  # fmt: skip


def _late(browser: Browser, server: Relay) -> list[Figure]:
    context = browser.new_context()
    context.add_init_script(_WATCH)
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{server.port}/")
    _live(page)
    server.tell(do="paced", events=_PACED, rate=_PACED / 10)
    server.answer()
    # Not by wait_for_function, which the page's own policy forbids once it has to look again.
    page.evaluate(
        """(due) => new Promise((done) => {
            const look = () => (window.seen.length >= due ? done() : requestAnimationFrame(look));
            look();
        })""",
        _PACED // EVENTS_PER_JOB,
    )
    late: list[float] = sorted(page.evaluate("window.seen"))
    context.close()
    return [
        Figure(
            "a new job's message to its row in sight, p95",
            late[int(0.95 * len(late))], "ms", "the bound", 250, 1.0, at_most=True,
        ),
    ]  # fmt: skip


def _restart(browser: Browser) -> list[Figure]:
    context = browser.new_context()
    page = context.new_page()
    with relay("fluxapi", _SMALL) as first:
        port = first.port
        page.goto(f"http://127.0.0.1:{port}/")
        _live(page)
    page.wait_for_selector('#state[data-state="cut off"]')
    with relay("fluxapi", _SMALL, port):
        started = time.perf_counter()
        _live(page)
        seconds = time.perf_counter() - started
        count = page.evaluate("document.getElementById('count').textContent")
    context.close()
    assert count == f"{_SMALL:,} jobs", count
    return [
        Figure("live again after a restart", seconds, "s", "the bound", 2, 1.0, at_most=True),
    ]


def figures() -> list[Figure]:
    """Return all figures, or none if there is no browser."""
    chromium = shutil.which("chromium")
    if chromium is None:
        print("No chromium on PATH: the dashboard is not measured.")
        return []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=_FLAGS)
        with relay("fluxapi", _SMALL) as server:
            found = _first_view(browser, server, _SMALL, 500)
            found += _late(browser, server)
        found += _restart(browser)
        with relay("fluxapi", _LARGE) as server:
            found += _first_view(browser, server, _LARGE, 250)
            found += _interactions(browser, server)
            found += _busy(browser, server)
        with relay("grouped", _LARGE) as server:
            found += _busy(browser, server, "jobs of a group")
            found += _busy(browser, server, "jobs of an open group", opens=True)
        browser.close()
    return [*found, *audits.figures()]

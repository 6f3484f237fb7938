"""The dashboard in Chromium: how soon it shows, what it costs, how late a row is."""

from __future__ import annotations

import shutil
import statistics
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from .figures import Figure
from .relay import Relay, relay

__all__ = ["figures"]

_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
_SMALL, _LARGE = 10_000, 100_000
_RATE = 500.0
_SECONDS = 12
_ROUNDS = 5

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


def _live(page: Page) -> None:
    page.wait_for_selector('#state[data-state="live"]', timeout=120_000)


def _first_view(browser: Browser, server: Relay) -> list[Figure]:
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
            f"first rows painted, {_SMALL:,} jobs",
            statistics.median(paints), "ms", "the bound", 500, 1.0, at_most=True,
        ),
        Figure(
            "transferred for the first view", statistics.median(sizes), "KB", "the bound", 300, 1.0,
            at_most=True,
        ),
    ]  # fmt: skip


def _busy(browser: Browser, server: Relay) -> list[Figure]:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{server.port}/")
    _live(page)
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
            f"share of frames with a task over 50 ms, {_LARGE:,} jobs, {_RATE:.0f} events/s",
            share * 100, "%", "p95 means", 5.0, 1.0, at_most=True,
        ),
        Figure("heap of the page", heap, "MB", "the bound", 200, 1.0, at_most=True),
        Figure(
            "frames while scrolling",
            1000 / statistics.mean(gaps), "1/s", "the screen", 60, 0.95,
        ),
    ]  # fmt: skip


def figures() -> list[Figure]:
    """All of them; nothing where there is no browser."""
    chromium = shutil.which("chromium")
    if chromium is None:
        print("No chromium on PATH: the dashboard is not measured.")
        return []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=_FLAGS)
        with relay("fluxapi", _SMALL) as server:
            found = _first_view(browser, server)
        with relay("fluxapi", _LARGE) as server:
            found += _busy(browser, server)
        browser.close()
    return found

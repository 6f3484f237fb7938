"""A page restores its state: the place in a table and the past of a chart; print shows all."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.running import Service, service

from .test_jobs import line, live, submit
from .waits import wait_until

CONTRAST = """(it) => {
  const channels = (color) => color.match(/[\\d.]+/g).slice(0, 3).map((text) => {
    // A mixed color is color(srgb 0.9 0.9 1), others are rgb(230, 230, 255).
    const value = Number(text) / (color.startsWith("color(") ? 1 : 255);
    return value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  const light = (color) => {
    const [r, g, b] = channels(color);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const { color, backgroundColor } = getComputedStyle(it);
  const [a, b] = [light(color), light(backgroundColor)];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}"""

LABELS = """
window.drawn = [];
const fill = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (text, x, y, ...more) {
  const width = this.measureText(text).width;
  const left = x - { center: width / 2, right: width }[this.textAlign];
  const charts = [...document.querySelectorAll("canvas")];
  const chart = charts.indexOf(this.canvas);
  const right = left + width;
  const [limit, align] = [this.canvas.width, this.textAlign];
  window.drawn.push({ chart, text, left, right, limit, align });
  return fill.call(this, text, x, y, ...more);
};
"""


@pytest.fixture(scope="module")
def many() -> Iterator[tuple[Service, list[str]]]:
    """Return a service with more jobs than a page gets at first."""
    with service("--instance", "embedded") as running:
        yield running, [submit(running, urgency=0, name=f"job-{n}") for n in range(150)]


@pytest.mark.parametrize("width", [1280, 390])
def test_back_from_a_job_leads_to_the_row(
    many: tuple[Service, list[str]], page: Page, width: int
) -> None:
    site, ids = many
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(site.url)
    live(page)
    expect(page.locator("#jobs")).to_have_attribute("aria-rowcount", str(len(ids) + 1))
    frame = page.locator("#frame")
    frame.evaluate("(it) => { it.scrollTop = it.scrollHeight * 0.7; }")
    top = "(it) => it.scrollTop"
    seen = line(page, ids[40])
    expect(seen).to_be_visible()
    seen.get_by_role("link").scroll_into_view_if_needed()
    before = frame.evaluate(top)
    seen.get_by_role("link").click()
    expect(page.locator("#id")).to_have_text(ids[40])
    page.go_back()
    live(page)
    expect(seen).to_be_in_viewport()
    assert frame.evaluate(top) == pytest.approx(before, abs=2)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_pressed_button_is_read_under_the_pointer(
    many: tuple[Service, list[str]], page: Page, scheme: Any
) -> None:
    site, ids = many
    page.emulate_media(color_scheme=scheme)
    for path, button in (
        (f"/ui/jobs/{ids[0]}", page.locator(".moments button")),
        ("/", page.get_by_role("button", name=re.compile("Pending"))),
    ):
        page.goto(f"{site.url}{path}")
        live(page)
        button.click()
        expect(button).to_have_attribute("aria-pressed", "true")
        button.hover()
        assert button.evaluate(CONTRAST) >= 4.5


@pytest.mark.parametrize("path", ["/", "/ui/nodes"])
def test_paper_holds_every_column(many: tuple[Service, list[str]], page: Page, path: str) -> None:
    site, _ = many
    page.goto(f"{site.url}{path}")
    live(page)
    # A sheet of A4 across, and upright.
    for width in (1046, 718):
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(media="print")
        table = page.locator("table.jobs")
        box = table.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= width
        for cell in table.locator("thead th:not(.pick)").all():
            if cell.evaluate("(it) => getComputedStyle(it).display") == "none":
                continue
            place = cell.bounding_box()
            assert place is not None
            assert place["width"] > 10
            assert place["x"] + place["width"] <= width + 1
        page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    if path == "/":
        expect(page.locator("#jobs tbody tr:not(.spacer)")).to_have_count(150)


def test_ticks_are_whole(many: tuple[Service, list[str]], page: Page) -> None:
    site, _ = many
    page.set_viewport_size({"width": 1280, "height": 1000})
    page.add_init_script(LABELS)
    page.goto(site.url)
    live(page)
    for card in page.locator(".figure-card").all():
        card.click()
        expect(page.locator(".uplot")).to_have_count(1)
        page.evaluate("window.drawn = []")
        for width in (1200, 1280):
            page.set_viewport_size({"width": width, "height": 1000})
        wait_until(
            page,
            "() => ['center', 'right'].every((it) => window.drawn.some((d) => d.align === it))",
        )
        for it in page.evaluate("window.drawn"):
            assert it["left"] >= 0
            assert it["right"] <= it["limit"]


def test_a_reload_changes_nothing_of_the_past(many: tuple[Service, list[str]], page: Page) -> None:
    site, _ = many
    page.goto(site.url)
    live(page)
    samples = "JSON.parse(sessionStorage.getItem('fluxapi.samples') ?? '{}').samples"
    known = f"({samples} ?? []).filter((sample) => sample.nodes !== null)"
    while len(page.evaluate(known)) < 2:  # they are kept when the page goes
        page.reload()
        live(page)
    # The newest gives way to a newer one that follows at once: it is not the past yet.
    kept = page.evaluate(known)[:-1]
    page.reload()
    live(page)
    again = page.evaluate(samples)
    assert [sample for sample in again if sample in kept] == kept


def test_a_service_that_hangs_is_noticed(context: BrowserContext) -> None:
    with service("--instance", "embedded") as running:
        page = context.new_page()
        page.goto(running.url)
        live(page)
        os.kill(running.process.pid, signal.SIGSTOP)
        try:
            # Long before its marks are missed.
            state = page.locator("#state")
            expect(state).to_have_attribute("data-state", "cut off", timeout=20_000)
        finally:
            os.kill(running.process.pid, signal.SIGCONT)
        live(page)
        os.kill(running.process.pid, signal.SIGTERM)
        expect(page.locator("#state")).to_have_attribute("data-state", "cut off")

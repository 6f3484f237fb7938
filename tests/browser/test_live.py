"""A page over time: it connects, follows, is hidden, sleeps, is cut off and reconnects."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from bench.relay import relay
from tests.running import Service, flux_instance, needs_flux, service

from .sites import page_only, site
from .test_jobs import chip, field, line, live, submit
from .waits import wait_until

__all__ = ["site"]

JOBS = 100_000
EVENTS, RATE = 2500, 500.0

KEEP = """
window.sockets = [];
window.kinds = [];
const Socket = window.WebSocket;
window.WebSocket = class extends Socket {
  constructor(...all) {
    super(...all);
    window.sockets.push(this);
    this.addEventListener("message", ({ data }) => window.kinds.push(JSON.parse(data).type));
  }
};
"""
"""Keeps what the page opens and hears."""

HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""

LASTING = """Object.defineProperty(AbortSignal, "timeout", {
  value: () => new AbortController().signal,
});"""
"""Lets requests under way last: the faked clock jumps, and would end them all at once."""

STATE = "() => [window.sockets.length, window.sockets.at(-1).readyState]"
OPEN, CLOSED = 1, 3


def state(page: Page, expected: str) -> None:
    expect(page.locator("#state")).to_have_attribute("data-state", expected)


@pytest.fixture
def watched(context: BrowserContext) -> Page:
    context.add_init_script(KEEP)
    return context.new_page()


def fake_clock(page: Page) -> None:
    page.clock.install()
    page.add_init_script(LASTING)


def test_a_page_that_has_all_jobs_gets_only_what_changes(watched: Page) -> None:
    with service("--instance", "embedded") as site:
        first = submit(site, name="in-the-page")
        site.get(f"/v1/jobs/{first}/wait")
        watched.goto(site.url)
        live(watched)
        later = submit(site, name="over-the-channel")
        expect(line(watched, later).locator(".status")).to_have_text("COMPLETED")
        expect(line(watched, first).locator(".status")).to_have_text("COMPLETED")
        kinds = watched.evaluate("window.kinds")
    assert "snapshot" not in kinds
    assert "reset" not in kinds


@page_only
def test_the_first_page_needs_no_script(site: Service, context: BrowserContext) -> None:
    jobid = submit(site, name="without-script")
    site.get(f"/v1/jobs/{jobid}/wait")
    browser = context.browser
    assert browser is not None
    plain = browser.new_context(java_script_enabled=False)
    page = plain.new_page()
    page.goto(f"{site.url}/?name=without-script")
    expect(page.get_by_role("link", name=jobid)).to_be_visible()
    page.get_by_role("link", name=re.compile("^Completed")).click()
    expect(page.get_by_label("State", exact=True)).to_have_value("completed")
    page.get_by_label("Name, or a part of it").fill("*-script")
    page.get_by_label("Submitted since").fill("2h")
    page.get_by_role("button", name="Filter", exact=True).click()
    expect(page.get_by_role("link", name=jobid)).to_be_visible()
    expect(page.get_by_label("Submitted since")).to_have_value("2h")
    plain.close()


@page_only
def test_a_hidden_page_pauses_and_resumes(site: Service, watched: Page) -> None:
    fake_clock(watched)
    watched.goto(f"{site.url}/?name=rest-*")
    live(watched)
    field(watched).fill("rest")
    watched.evaluate(HIDE, True)
    watched.clock.fast_forward(5_000)
    assert watched.evaluate(STATE) == [1, OPEN]
    watched.clock.fast_forward(6_000)
    state(watched, "resting")
    wait_until(watched, "() => window.sockets.at(-1).readyState === 3")
    jobid = submit(site, name="rest-while-away")
    watched.evaluate(HIDE, False)
    live(watched)
    watched.clock.run_for(500)
    expect(line(watched, jobid)).to_be_visible()
    expect(field(watched)).to_have_value("rest")


@page_only
def test_a_glance_away_costs_no_connection(site: Service, watched: Page) -> None:
    fake_clock(watched)
    watched.goto(site.url)
    live(watched)
    watched.evaluate(HIDE, True)
    watched.clock.fast_forward(3_000)
    watched.evaluate(HIDE, False)
    watched.clock.fast_forward(8_000)
    live(watched)
    assert watched.evaluate(STATE) == [1, OPEN]


@page_only
def test_after_the_sleep_of_the_machine_it_looks_for_the_service_at_once(
    site: Service, watched: Page
) -> None:
    fake_clock(watched)
    watched.goto(site.url)
    live(watched)
    watched.clock.fast_forward("08:00:00")
    wait_until(watched, "() => window.sockets.length === 2")
    live(watched)
    jobid = submit(site, name="after-sleep")
    watched.clock.run_for(500)
    expect(line(watched, jobid)).to_be_visible()


@needs_flux
def test_a_lost_broker_is_said_with_since_when(context: BrowserContext) -> None:
    page = context.new_page()
    with flux_instance(1) as uri:
        running = service(FLUX_URI=uri)
        site = running.__enter__()
        try:
            page.goto(site.url)
            live(page)
            jobid = submit(site, name="kept")
            expect(line(page, jobid)).to_be_visible()
        except BaseException:
            running.__exit__(None, None, None)
            raise
    try:
        state(page, "waiting for Flux")
        expect(page.locator("#state")).to_contain_text("Flux does not answer")
        expect(page.locator("#state")).to_have_attribute("title", re.compile("^Since "))
        expect(line(page, jobid)).to_be_visible()
    finally:
        running.__exit__(None, None, None)


@page_only
def test_nothing_moves_under_the_pointer(site: Service, page: Page) -> None:
    first = submit(site, name="still-1")
    page.goto(f"{site.url}/?name=still-*")
    live(page)
    row = line(page, first)
    expect(row.locator(".status")).to_have_text("COMPLETED")
    row.hover()
    before = row.bounding_box()
    second = submit(site, name="still-2")
    news = page.get_by_role("button", name=re.compile("new or moved"))
    expect(news).to_be_visible()
    assert row.bounding_box() == before
    expect(line(page, second)).to_have_count(0)
    page.mouse.move(0, 0)
    expect(line(page, second)).to_be_visible()
    expect(news).to_be_hidden()


@page_only
def test_a_row_that_is_held_still_shows_what_becomes_of_it(site: Service, page: Page) -> None:
    jobid = submit(site, command=["sleep", "600"], name="held-row", urgency=0)
    page.goto(f"{site.url}/?name=held-row&sort=status")
    live(page)
    row = line(page, jobid)
    expect(row.locator(".status")).to_have_text("SCHED")
    row.hover()
    page.request.post(f"{site.url}/v1/jobs/{jobid}/cancel", data={})
    expect(row.locator(".status")).to_have_text("CANCELED")


def test_a_row_that_changes_says_so(site: Service, page: Page) -> None:
    jobid = submit(site, command=["sleep", "600"], name="beats", urgency=0)
    page.goto(f"{site.url}/?name=beats")
    live(page)
    row = line(page, jobid)
    expect(row).not_to_have_class(re.compile("fresh"))
    page.request.post(f"{site.url}/v1/jobs/{jobid}/urgency", data={"urgency": 1})
    expect(row).to_have_class(re.compile("fresh"))
    expect(row).not_to_have_class(re.compile("fresh"))
    page.request.post(f"{site.url}/v1/jobs/{jobid}/cancel", data={})


@page_only
def test_a_row_does_not_say_that_it_changed_while_the_jobs_are_on_their_way(
    site: Service, page: Page
) -> None:
    jobid = submit(site, command=["sleep", "600"], name="arrives", urgency=0)
    page.route_web_socket(
        "**/events/ws*",
        lambda socket: socket.connect_to_server().on_message(
            # The bookmark would tell that all have come.
            lambda message: socket.send(str(message).replace('"bookmark"', '"later"'))
        ),
    )
    page.goto(f"{site.url}/?name=arrives")
    row = line(page, jobid)
    expect(row.locator(".status")).to_have_text("SCHED")
    page.evaluate(
        "(row) => { window.wasFresh = false; new MutationObserver(() => {"
        " window.wasFresh ||= row.classList.contains('fresh'); })"
        ".observe(row, { attributes: true }); }",
        row.element_handle(),
    )
    page.request.post(f"{site.url}/v1/jobs/{jobid}/cancel", data={})
    expect(row.locator(".status")).to_have_text("CANCELED")
    assert not page.evaluate("wasFresh")


@page_only
def test_back_leads_to_the_view_before(site: Service, page: Page) -> None:
    jobid = submit(site, name="back", command="false")
    page.goto(site.url)
    live(page)
    field(page).fill("name:back ")
    expect(page).to_have_url(re.compile(r"\?name=back$"))
    page.get_by_role("button", name=re.compile("^Completed")).click()
    expect(page).to_have_url(re.compile(r"state=completed"))
    expect(line(page, jobid)).to_have_count(0)
    page.go_back()
    expect(chip(page, "state")).to_have_count(0)
    expect(line(page, jobid)).to_be_visible()
    page.go_forward()
    expect(chip(page, "state")).to_have_text("state:completed")
    expect(page.get_by_role("button", name=re.compile("^Completed"))).to_have_attribute(
        "aria-pressed", "true"
    )


@page_only
def test_columns_are_made_wider_by_keyboard_and_mouse(site: Service, page: Page) -> None:
    page.goto(site.url)
    live(page)
    head = page.get_by_role("columnheader", name="Name")
    width = head.evaluate("(it) => it.offsetWidth")
    head.get_by_role("button").focus()
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    assert head.evaluate("(it) => it.offsetWidth") == width + 32
    box = head.locator(".grip").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 4, box["y"] + 4)
    page.mouse.down()
    page.mouse.move(box["x"] + 54, box["y"] + 4)
    page.mouse.up()
    assert head.evaluate("(it) => it.offsetWidth") == width + 82
    page.reload()
    expect(head).to_have_css("width", f"{width + 82}px")
    page.locator("summary", has_text="View").click()
    page.get_by_role("button", name="Reset columns").click()
    expect(head).to_have_css("width", f"{width}px")


def no_queues(route: Route) -> None:
    route.fulfill(status=200, content_type="application/json", body='{"queues":[]}')


@pytest.mark.timeout(300)
def test_a_hundred_thousand_jobs_and_five_hundred_events_a_second(watched: Page) -> None:
    watched.route("**/v1/queues", no_queues)
    with relay("fluxapi", JOBS) as server:
        site = f"http://127.0.0.1:{server.port}"
        watched.goto(site)
        expect(watched.locator("#count")).to_have_text(f"{JOBS:,} jobs", timeout=180_000)
        live(watched)
        server.tell(do="paced", events=EVENTS, rate=RATE)
        # It is used meanwhile: scrolled, filtered, sorted, all of a view selected.
        frame = watched.locator("#frame")
        frame.evaluate("(it) => { it.scrollTop = 1_000_000; }")
        expect(watched.locator("tr[data-index='31250']")).to_be_attached()
        field(watched).fill("run-7-")
        expect(watched.locator("#count")).to_have_text(re.compile("^[1-4],[0-9]{3} of 100,"))
        # A job that comes to the view at once unchecks the box: the bar says what was selected.
        watched.get_by_label("Select all rows of this view").click()
        bar = watched.get_by_role("group", name="With the selected jobs")
        expect(bar).to_contain_text(re.compile("^[1-4],[0-9]{3} jobs selected"))
        field(watched).fill("")
        field(watched).press("Escape")
        watched.get_by_role("columnheader", name="Name").get_by_role("button").click()
        server.answer()
        total: int = watched.request.get(f"{site}/v1/stats").json()["total"]
        assert total > JOBS
        frame.evaluate("(it) => { it.scrollTop = 0; }")
        expect(watched.locator("#count")).to_have_text(f"{total:,} jobs")
        # A mark says that the page holds what the service holds, or it would begin anew.
        marks = watched.evaluate("window.kinds.filter((it) => it === 'bookmark').length")
        wait_until(
            watched,
            "(before) => window.kinds.filter((it) => it === 'bookmark').length > before",
            marks,
        )
        live(watched)
        kinds: list[Any] = watched.evaluate("window.kinds")
        assert kinds.count("reset") == 0
        assert watched.evaluate(STATE) == [1, OPEN]
        begun = [kind for kind in kinds if kind == "subscribed"]
        assert len(begun) == 2

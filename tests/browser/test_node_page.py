"""The page of one node."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from playwright.sync_api import Page, Response, Route, expect

from tests.running import Service

from .sites import page_only, site
from .test_accessibility import violations
from .test_jobs import live, submit

__all__ = ["site"]


def test_a_reader_goes_from_a_node_to_its_jobs_present_and_past(site: Service, page: Page) -> None:
    ended = submit(site, command="false", name="first-on-node")
    site.get(f"/v1/jobs/{ended}/wait?timeout=60")
    page.goto(f"{site.url}/ui/nodes")
    live(page)
    page.get_by_role("rowheader").first.get_by_role("link").click()
    live(page)
    host = page.get_by_label("Path to this node").get_by_role("link").nth(1)
    if host.count():
        # In an instance for tests, several brokers are on one host.
        host.click()
        live(page)
    past = page.get_by_role("region", name="Ended").get_by_role("row")
    expect(past.filter(has_text=ended)).to_contain_text("Exit code 1")
    running = submit(site, command=["sleep", "600"], name="second-on-node")
    present = page.get_by_role("region", name="Running").get_by_role("row")
    expect(present.filter(has_text=running)).to_contain_text("second-on-node")
    expect(page.get_by_role("img", name="Cores in use")).to_be_visible()
    page.evaluate("([id]) => fetch(`/v1/jobs/${id}`, { method: 'DELETE' })", [running])
    expect(past.filter(has_text=running)).to_be_visible()


@page_only
def test_the_page_of_a_node_shuts_nobody_out(site: Service, still: Page) -> None:
    ended = submit(site, command="false", name="fails-on-node")
    site.get(f"/v1/jobs/{ended}/wait?timeout=60")
    still.goto(f"{site.url}/ui/nodes")
    live(still)
    still.get_by_role("rowheader").first.get_by_role("link").click()
    live(still)
    expect(still.get_by_role("img", name="Cores in use")).to_be_visible()
    assert violations(still) == []


@page_only
def test_a_note_of_a_past_job_has_room_in_a_window_of_middle_width(
    site: Service, page: Page
) -> None:
    ended = submit(site, command="false", name="noted-on-node")
    site.get(f"/v1/jobs/{ended}/wait?timeout=60")
    page.set_viewport_size({"width": 1024, "height": 768})
    page.goto(f"{site.url}/ui/nodes/{site.get('/v1/nodes')['nodes'][0]}")
    row = page.get_by_role("region", name="Ended").get_by_role("row").filter(has_text=ended)
    expect(row).to_contain_text("xit code 1")
    box = row.bounding_box()
    assert box is not None
    assert box["height"] < 60
    live(page)
    for width in (1024, 1440):
        page.set_viewport_size({"width": width, "height": 768})
        # Two digits and the widest month; the time is whole.
        cut = row.locator("td:has(time)").last.evaluate(
            "(it) => { it.firstChild.textContent = 'Nov 28, 02:01 AM';"
            " return [it.scrollWidth, it.clientWidth]; }"
        )
        assert cut[0] <= cut[1], (width, cut)


def node_of(site: Service) -> str:
    """Return the path of the page of a node."""
    return f"{site.url}/ui/nodes/{site.get('/v1/nodes')['nodes'][0]}"


@page_only
def test_a_reader_looks_at_another_time_and_sends_the_link(site: Service, page: Page) -> None:

    def span(url: str) -> float:
        return time.time() - float(url.split("since=")[1].split("&", maxsplit=1)[0])

    def use(route: Route) -> None:
        answer: dict[str, Any] = route.fetch().json()
        route.fulfill(json={**answer, "is_cut": span(route.request.url) > 1e6})

    def is_about(seconds: float, response: Response) -> bool:
        return "/use?" in response.url and abs(span(response.url) - seconds) < 60

    page.route("**/use?*", use)
    page.goto(node_of(site))
    # The instance started long ago.
    page.locator("#trend").evaluate("(it) => { it.dataset.start = '0'; }")
    times = page.get_by_role("group", name="Time")
    expect(times.get_by_label("Day")).to_be_checked()
    for name, seconds in (("Hour", 3600.0), ("Week", 604_800.0), ("Month", 2_592_000.0)):
        with page.expect_response(partial(is_about, seconds)):
            times.get_by_text(name).click()
    expect(page.locator("#trend .cut")).to_have_text(
        "Jobs that ended before the last 500 of this node are not in it."
    )
    assert page.url.endswith("?range=month")
    page.reload()
    expect(times.get_by_label("Month")).to_be_checked()
    expect(page.get_by_role("img", name="Cores in use")).to_be_visible()


@page_only
def test_the_chart_covers_the_chosen_time_though_the_instance_is_younger(
    site: Service, page: Page
) -> None:
    page.goto(node_of(site))
    chart = page.locator("#trend .u-over")
    caption = page.locator("#trend figcaption")
    expect(page.get_by_role("group", name="Time").get_by_label("Day")).to_be_checked()
    box = chart.bounding_box()
    assert box is not None
    # Both places are hours before the instance started, so the first known step is next to both.
    told = []
    for share in (0.1, 0.6):
        chart.hover(position={"x": box["width"] * share, "y": 20})
        expect(caption).not_to_contain_text("Cores at most")
        told.append(caption.inner_text())
    assert told[0] == told[1]


@page_only
def test_an_ended_job_says_when_it_started(site: Service, page: Page) -> None:
    ended = submit(site, command="true", name="started-on-node")
    record = site.get(f"/v1/jobs/{ended}/wait?timeout=60")
    page.goto(node_of(site))
    row = page.get_by_role("region", name="Ended").get_by_role("row").filter(has_text=ended)
    times = row.locator("time").evaluate_all("(all) => all.map((it) => Number(it.dataset.at))")
    assert times == [record["t_run"], record["t_inactive"]]
    started = page.get_by_role("region", name="Ended").get_by_role("columnheader", name="Started")
    page.set_viewport_size({"width": 1440, "height": 900})
    expect(started).to_be_visible()
    live(page)
    for width in (1440, 1360):
        page.set_viewport_size({"width": width, "height": 900})
        cut = row.locator("td:has(time)").evaluate_all(
            "(all) => all.map((it) => { it.firstChild.textContent = 'Nov 28, 02:01 AM';"
            " return it.scrollWidth - it.clientWidth; })"
        )
        assert max(cut) <= 0, (width, cut)


@page_only
def test_the_reason_of_an_ended_job_takes_few_lines_in_a_window_of_middle_width(
    site: Service, page: Page
) -> None:
    ended = submit(site, command="sh -c 'kill -SEGV $$'", name="crashed-on-node")
    site.get(f"/v1/jobs/{ended}/wait?timeout=60")
    page.set_viewport_size({"width": 1024, "height": 768})
    page.goto(node_of(site))
    row = page.get_by_role("region", name="Ended").get_by_role("row").filter(has_text=ended)
    expect(row).to_contain_text("SIGSEGV")
    assert row.evaluate("(it) => it.offsetHeight") < 90


@page_only
def test_times_stay_in_their_cards_on_a_phone(site: Service, page: Page) -> None:
    ended = submit(site, command="true", name="card-on-node")
    site.get(f"/v1/jobs/{ended}/wait?timeout=60")
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(node_of(site))
    live(page)
    row = page.get_by_role("region", name="Ended").get_by_role("row").filter(has_text=ended)
    over = row.locator("time").first.evaluate(
        """(it) => {
            it.textContent = "Nov 28, 02:01 AM";
            const row = it.closest("tr");
            const padding = parseFloat(getComputedStyle(row).paddingRight);
            const end = row.getBoundingClientRect().right - padding;
            return it.getBoundingClientRect().right - end;
        }"""
    )
    assert over <= 0

from __future__ import annotations

import re
import urllib.request
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.running import Service

from .sites import page_only, site
from .test_jobs import live, submit
from .test_submit_layout import SHIFTS
from .waits import Held

__all__ = ["site"]

NODES = 5000


def test_the_jobs_on_a_node_come_live(site: Service, page: Page) -> None:
    page.goto(f"{site.url}/ui/nodes")
    live(page)
    jobid = submit(site, command=["sleep", "600"], name="on-a-node")
    link = page.locator(f'#nodes a[href$="/ui/jobs/{jobid}"]')
    expect(link).to_be_visible()
    urllib.request.urlopen(  # noqa: S310 - it is ours
        urllib.request.Request(f"{site.url}/v1/jobs/{jobid}", method="DELETE"),  # noqa: S310
        timeout=30,
    ).close()
    expect(link).to_have_count(0)


@page_only
def test_thousands_of_nodes_are_a_screenful_of_rows(site: Service, page: Page) -> None:
    def node(rank: int) -> dict[str, Any]:
        row: dict[str, Any] = {"rank": rank, "name": f"big{rank:04d}", "state": "up"}
        if rank == NODES - 1:
            row |= {"state": "drained", "reason": "<b>fan</b>", "drained_at": 1e9}
        count = {"total": 4, "allocated": 2}
        return {**row, "allocated": True, "cores": count, "gpus": {"total": 0, "allocated": 0}}

    answer = {"nodes": [node(rank) for rank in range(NODES)], "totals": {}}

    def respond(route: Route) -> None:
        route.fulfill(json=answer)

    page.route("**/v1/resources", respond)
    page.goto(f"{site.url}/ui/nodes")
    rows = page.locator("#nodes tbody tr:not(.spacer)")
    expect(rows.first).to_contain_text("<b>fan</b>")
    assert rows.count() < 100
    page.locator("#frame").evaluate("frame => { frame.scrollTop = frame.scrollHeight; }")
    expect(page.get_by_text(f"big{NODES - 2:04d}")).to_be_visible()
    page.get_by_label("State").select_option("drained")
    expect(page.locator("#count")).to_have_text(f"1 of {NODES:,} nodes")
    assert page.url.endswith("/ui/nodes?state=drained")


@page_only
def test_a_name_is_whole_where_there_is_room(site: Service, page: Page) -> None:
    name = "compute-rack12-slot07.cluster.example.org"
    count = {"total": 4, "allocated": 0}
    node = {"rank": 0, "name": name, "state": "down", "drained_at": 1e9, "allocated": False}

    def respond(route: Route) -> None:
        route.fulfill(json={"nodes": [{**node, "cores": count, "gpus": count}], "totals": {}})

    page.route("**/v1/resources", respond)
    page.set_viewport_size({"width": 1900, "height": 900})
    page.goto(f"{site.url}/ui/nodes")
    row = page.locator("#nodes tbody tr:not(.spacer)")
    expect(row.locator(".status")).to_have_text(["Down", "Drained"])
    for width in (1900, 1024, 800, 390):
        page.set_viewport_size({"width": width, "height": 900})
        cut = row.get_by_role("rowheader").evaluate(
            "(it) => Math.max(it.scrollWidth - it.clientWidth, it.scrollHeight - it.clientHeight)"
        )
        assert cut <= 0, f"cut at {width}"
    page.get_by_label("State").select_option("drained")
    expect(page.locator("#count")).to_have_text("1 node")


@page_only
def test_all_nodes_are_a_picture_in_which_one_is_picked(site: Service, page: Page) -> None:
    def node(rank: int) -> dict[str, Any]:
        state = "drained" if rank == 2 else "up"
        row: dict[str, Any] = {"rank": rank, "name": f"few{rank}", "state": state}
        count = {"total": 4, "allocated": 4 * (rank % 2)}
        return {**row, "allocated": True, "cores": count, "gpus": {"total": 0, "allocated": 0}}

    def respond(route: Route) -> None:
        route.fulfill(json={"nodes": [node(rank) for rank in range(4)], "totals": {}})

    page.route("**/v1/resources", respond)
    page.goto(f"{site.url}/ui/nodes")
    picture = page.get_by_role("img", name="The nodes by rank: 2 full, 1 free, 1 drained.")
    box = picture.bounding_box()
    assert box is not None
    # The third of four squares in a line.
    picture.click(position={"x": box["width"] * 5 / 8, "y": box["height"] / 2})
    expect(page.locator("#count")).to_have_text("1 of 4 nodes")
    expect(page.locator("#nodes tbody tr:not(.spacer)")).to_contain_text("few2")
    assert page.url.endswith("/ui/nodes?text=few2")


def many(page: Page, *rows: dict[str, Any]) -> None:
    """Have the page show these nodes, which are up and have four cores unless they say more."""
    count = {"total": 4, "allocated": 0}
    usual = {"state": "up", "allocated": False, "cores": count, "gpus": {**count, "total": 0}}
    nodes = [{"rank": rank, **usual, **row} for rank, row in enumerate(rows)]

    def respond(route: Route) -> None:
        route.fulfill(json={"nodes": nodes, "totals": {}})

    page.route("**/v1/resources", respond)


@page_only
def test_a_very_long_name_gets_lines_and_the_rows_their_height(site: Service, page: Page) -> None:
    name = ".".join(["compute-rack12-slot07"] * 8)
    many(page, {"name": name}, {"name": "short"})
    page.set_viewport_size({"width": 1024, "height": 800})
    page.goto(f"{site.url}/ui/nodes")
    rows = page.locator("#nodes tbody tr:not(.spacer)")
    expect(rows).to_have_count(2)
    first, second = rows.all()
    expect(first.get_by_role("rowheader")).to_have_text(name)
    boxes = [row.bounding_box() for row in (first, second)]
    assert boxes[0] is not None
    assert boxes[1] is not None
    assert boxes[0]["height"] == boxes[1]["height"] > 40
    cut = first.get_by_role("rowheader").evaluate("(it) => it.scrollHeight - it.clientHeight")
    assert cut <= 0


@page_only
def test_a_reader_sorts_by_a_heading_and_sends_the_link(site: Service, page: Page) -> None:
    used = {"total": 4, "allocated": 3}
    many(page, {"name": "n10"}, {"name": "n9", "cores": used}, {"name": "n1", "state": "drained"})
    page.goto(f"{site.url}/ui/nodes")
    names = page.get_by_role("rowheader")
    expect(names).to_have_text(["n1", "n10", "n9"])
    page.get_by_role("button", name="Node", exact=True).click()
    expect(names).to_have_text(["n1", "n9", "n10"])
    heading = page.get_by_role("columnheader", name="Cores")
    heading.get_by_role("button").click()
    expect(names).to_have_text(["n9", "n10", "n1"])
    assert heading.get_attribute("aria-sort") == "descending"
    assert page.url.endswith("?sort=-cores")
    page.reload()
    expect(names).to_have_text(["n9", "n10", "n1"])
    heading.get_by_role("button").click()
    heading.get_by_role("button").click()
    expect(names).to_have_text(["n1", "n10", "n9"])
    assert page.url.endswith("/ui/nodes")


def test_a_reader_finds_out_why_a_node_is_drained(site: Service, page: Page) -> None:
    why = "the fan of the third power supply is broken; ticket 4711 <b>with</b> the vendor" * 2
    many(page, {"name": "n0", "state": "draining", "reason": why, "drained_at": 1e9})
    page.goto(f"{site.url}/ui/nodes?state=draining")
    page.get_by_role("button", name="the fan of the third").click()
    expect(page.get_by_role("dialog")).to_contain_text(why)
    expect(page.get_by_role("dialog")).to_contain_text("n0, rank 0: Draining")


@page_only
def test_no_match_offers_a_way_back(site: Service, page: Page) -> None:
    many(page, {"name": "n0", "properties": ["bigmem"]}, {"name": "n1"})
    page.goto(f"{site.url}/ui/nodes?text=bigm")
    expect(page.get_by_role("rowheader")).to_have_text(["n0"])
    page.get_by_label("State").select_option("down")
    expect(page.get_by_text("No nodes match.")).to_be_visible()
    page.get_by_role("button", name="Clear filters").click()
    expect(page.get_by_role("rowheader")).to_have_count(2)
    assert page.url.endswith("/ui/nodes")


@page_only
def test_very_many_nodes_share_the_squares_of_the_picture(site: Service, page: Page) -> None:
    many(page, *({"name": f"big{rank}"} for rank in range(20_000)))
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{site.url}/ui/nodes")
    picture = page.get_by_role("img", name="The nodes by rank: 20,000 free.")
    expect(picture).to_be_visible()
    box = picture.bounding_box()
    assert box is not None
    assert box["height"] <= 150
    expect(page.get_by_text("nodes in each square")).to_be_visible()


@page_only
def test_the_nodes_of_the_page_stay_until_the_script_knows_them(site: Service, page: Page) -> None:
    page.route("**/v1/resources", lambda _: None)
    page.goto(f"{site.url}/ui/nodes")
    live(page)
    # A row that is drawn once more would be drawn before the second frame.
    page.evaluate(
        "() => new Promise((it) => requestAnimationFrame(() => requestAnimationFrame(it)))"
    )
    expect(page.get_by_role("rowheader")).not_to_have_count(0)


@page_only
def test_a_long_queue_leaves_a_name_its_line_on_a_phone(site: Service, page: Page) -> None:
    many(page, {"name": "tuolumne1", "properties": ["x"]}, {"name": "tuolumne2"})
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{site.url}/ui/nodes")
    first = page.get_by_role("rowheader").first
    expect(first).to_have_text("tuolumne1")
    box = first.bounding_box()
    assert box is not None
    assert box["height"] < 30
    assert box["width"] > 300


@page_only
def test_a_field_sorts_the_list_on_a_phone(site: Service, page: Page) -> None:
    used = {"total": 4, "allocated": 3}
    many(page, {"name": "n10"}, {"name": "n9", "cores": used}, {"name": "n1", "state": "drained"})
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{site.url}/ui/nodes")
    names = page.get_by_role("rowheader")
    expect(names).to_have_text(["n1", "n10", "n9"])
    page.get_by_label("Sort").select_option("Most cores in use first")
    expect(names).to_have_text(["n9", "n10", "n1"])
    assert page.url.endswith("?sort=-cores")
    page.reload()
    expect(names).to_have_text(["n9", "n10", "n1"])
    expect(page.get_by_label("Sort")).to_have_value("-cores")


@page_only
def test_the_reason_of_a_drain_is_in_sight_beside_long_names(site: Service, page: Page) -> None:
    name = "compute-rack12-chassis07-slot03-blade2.cluster.science.example"
    many(page, {"name": name, "state": "drained", "reason": "the fan", "drained_at": 1e9})
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"{site.url}/ui/nodes")
    expect(page.get_by_role("button", name="the fan")).to_be_in_viewport(ratio=1)
    frame = page.locator("#frame")
    assert frame.evaluate("(it) => it.scrollWidth - it.clientWidth") <= 0


@page_only
@pytest.mark.parametrize("width", [412, 1350])
def test_the_list_does_not_move_while_the_nodes_are_read(
    site: Service, browser: Browser, width: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 940})
    page = context.new_page()
    page.add_init_script(SHIFTS)
    # Until the page was drawn without them: an answer that is at once there hides what moves.
    nodes = Held(page, "**/v1/resources")
    with page.expect_request("**/v1/resources"):
        page.goto(f"{site.url}/ui/nodes")
    live(page)
    waits = page.locator("#picture.skeleton")
    expect(waits).to_be_visible()
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    nodes.release()
    expect(page.get_by_role("img", name="The nodes by rank")).to_be_visible()
    expect(waits).to_have_count(0)
    assert page.evaluate("window.shifted") < 0.02
    context.close()


@page_only
def test_the_first_of_several_jobs_and_the_number_of_the_others_have_room(
    site: Service, page: Page
) -> None:
    many(page, {"name": "busy", "state": "draining", "drained_at": 1e9, "reason": "fan"})
    for _ in range(2):
        submit(site, command=["sleep", "600"], constraints={"ranks": ["0"]})
    page.set_viewport_size({"width": 1024, "height": 800})
    page.goto(f"{site.url}/ui/nodes")
    cell = page.locator("#nodes td.on")
    links = cell.locator("a").filter(visible=True)
    expect(links).to_have_text([re.compile("sleep$"), "1 more"])
    assert cell.evaluate("(it) => it.scrollWidth - it.clientWidth") <= 0
    page.set_viewport_size({"width": 1900, "height": 800})
    expect(links).to_have_text([re.compile("sleep$"), re.compile("sleep$")])


@page_only
def test_names_are_whole_and_use_is_shown_while_the_nodes_cannot_be_read(
    site: Service, browser: Browser
) -> None:
    # Chromium reports the refusal as an error of the page, so this is a context of its own.
    page = browser.new_page(viewport={"width": 1024, "height": 800})
    name = "compute-rack12-chassis07-slot03.cluster.example.org"
    own = site.get("/v1/resources")["nodes"][0]["name"]

    def rename(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=re.sub(f">{own}(?=[<,])", f">{name}", answer.text()))

    def refuse(route: Route) -> None:
        route.fulfill(status=503, json={"status": 503, "detail": "Flux did not answer."})

    def use(route: Route) -> None:
        steps = [{"time": 30.0 * at, "allocated": 1.0, "total": 2.0} for at in range(4)]
        route.fulfill(json={"since": 0.0, "until": 120.0, "step": 30.0, "steps": steps})

    page.route("**/ui/nodes", rename)
    page.route("**/v1/resources", refuse)
    page.route("**/v1/resources/use?*", use)
    page.goto(f"{site.url}/ui/nodes")
    expect(page.get_by_role("alert")).to_have_text(
        "This page shows what was known when it was opened, and tries again by itself. "
        "Flux did not answer."
    )
    # The nodes are not live, although the channel is.
    expect(page.locator("#state")).to_have_attribute("data-state", "waiting for Flux")
    # No hole is left where the picture would be.
    sums, card = page.locator("#figures").bounding_box(), page.locator("#overview").bounding_box()
    assert sums is not None
    assert card is not None
    assert sums["width"] > card["width"] * 0.8
    expect(page.locator("#trend figcaption")).to_have_text("Cores at most 50% (means of 30s).")
    shown = page.get_by_role("link", name=name).first
    expect(shown).to_be_visible()
    assert shown.evaluate("(it) => it.getClientRects().length") <= 2
    page.close()


@page_only
def test_a_reader_who_was_logged_out_is_not_told_how_programs_authenticate(
    site: Service, browser: Browser
) -> None:
    # Chromium reports the refusal as an error of the page, so this is a context of its own.
    page = browser.new_page()

    def refuse(route: Route) -> None:
        route.fulfill(status=401, json={"status": 401, "detail": "Authenticate as HTTP Basic."})

    page.route("**/v1/resources", refuse)
    page.goto(f"{site.url}/ui/nodes")
    expect(page.get_by_role("alert")).to_have_text("This page shows the last known state.")
    page.close()

from __future__ import annotations

import urllib.request
from typing import Any

from playwright.sync_api import Page, Route, expect

from tests.running import Service

from .sites import site
from .test_jobs import live, submit

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
    expect(page.locator("#count")).to_have_text(f"1 of {NODES} nodes")
    assert page.url.endswith("/ui/nodes?state=drained")


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
    expect(row.locator(".health")).to_have_text("down, drained")
    for width in (1900, 800):
        page.set_viewport_size({"width": width, "height": 900})
        cut = row.get_by_role("rowheader").evaluate("(it) => it.scrollWidth - it.clientWidth")
        assert cut <= 0
    page.get_by_label("State").select_option("drained")
    expect(page.locator("#count")).to_have_text("1 node")


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

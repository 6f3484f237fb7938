"""The page of jobs while its rows are still to come."""

from __future__ import annotations

import uuid

from playwright.sync_api import Page, WebSocketRoute, expect

from tests.running import Service

from .test_jobs import submit

PIECES = """() => [...document.querySelectorAll("#jobs thead th")]
  .map((head) => getComputedStyle(head, "::after").content !== "none")"""


def test_rows_that_are_to_come_have_a_place_and_counts_are_not_known(
    site: Service, page: Page
) -> None:
    submit(site, command="true")
    held: list[WebSocketRoute] = []

    def hold(socket: WebSocketRoute) -> None:
        held.append(socket)

    page.route_web_socket("**/events/ws*", hold)
    page.route("**/v1/events*", lambda _: None)
    page.goto(f"{site.url}/?name=none{uuid.uuid4().hex}")
    expect(page.locator("#frame.loading")).to_be_visible()
    expect(page.locator("#strip b")).to_have_text(["–"] * page.locator("#strip b").count())
    assert all(page.evaluate(PIECES))
    page.unroute_all(behavior="ignoreErrors")

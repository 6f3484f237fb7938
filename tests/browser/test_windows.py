"""Many windows of one browser where no WebSocket comes through: one stream for all of them."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, Page, Request

from tests.running import Service

WINDOWS = 8
"""More than the six connections that a browser has to one service over HTTP/1.1."""

NO_SOCKETS = """
window.WebSocket = class {
  constructor() { setTimeout(() => this.onclose?.({ reason: "" })); }
  close() {}
};
"""
LIVE = '#state[data-state="live"]'
SUBMIT = """() => fetch("/v1/jobs", {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ command: "sleep 600", name: "seen-by-all" }),
}).then((answer) => answer.json()).then(({ id }) => id)"""
CANCEL = """(id) => fetch(`/v1/jobs/${id}/cancel`, { method: "POST" }).then(({ ok }) => ok)"""


@pytest.fixture
def windows(context: BrowserContext, site: Service) -> list[Page]:
    context.add_init_script(NO_SOCKETS)
    pages = [context.new_page() for _ in range(WINDOWS)]
    for page in pages:
        page.goto(site.url)
    return pages


def test_eight_windows_are_live_over_plain_http(windows: list[Page]) -> None:
    for page in windows:
        page.wait_for_selector(LIVE)
    jobid = windows[-1].evaluate(SUBMIT)
    for page in windows:
        page.wait_for_selector(f'text="{jobid}"')
    assert windows[0].evaluate(CANCEL, jobid)
    for page in windows:
        page.wait_for_selector(LIVE)


def test_without_a_worker_a_window_holds_one_stream(context: BrowserContext, site: Service) -> None:
    context.add_init_script(NO_SOCKETS + "delete window.SharedWorker;")
    open_streams: list[Request] = []
    page = context.new_page()

    def note(request: Request) -> None:
        if request.method == "POST" and "/v1/events" in request.url:
            open_streams.append(request)

    def forget(request: Request) -> None:
        if request in open_streams:
            open_streams.remove(request)

    page.on("request", note)
    page.on("requestfailed", forget)
    page.on("requestfinished", forget)
    page.goto(site.url)
    page.wait_for_selector(LIVE)
    assert len(open_streams) == 1

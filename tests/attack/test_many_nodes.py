"""Clients ask for the nodes of a large instance, or for other long lists, all at once."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest

from fluxapi.instance.protocol import Resources
from fluxapi.web import instances, node_pages, past_jobs, rendering
from tests.handlers.conftest import Service, service, start

__all__ = ["service", "start"]

REQUESTS = 40


@pytest.mark.parametrize(
    "path", ["/ui/nodes", "/ui/nodes/node0", "/ui/history/jobs", "/ui/instances"]
)
async def test_few_pages_with_long_lists_are_made_at_the_same_time(
    service: Service, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    most = under_way = 0
    render = rendering.render

    async def counted(*given: Any, **more: Any) -> Any:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        try:
            return await render(*given, **more)
        finally:
            under_way -= 1

    for module in (instances, node_pages, past_jobs):
        monkeypatch.setattr(module, "render", counted)
    monkeypatch.setattr("fluxapi.process.timeslice.TimeSlice.__init__.__defaults__", (0.0,))
    monkeypatch.setattr("fluxapi.web.slices._SLICE_PIECES", 4)
    page = {"Accept": "text/html"}
    asked = [service.client.get(path, headers=page) for _ in range(REQUESTS)]
    assert {answer.status for answer in await asyncio.gather(*asked)} == {200}
    assert 1 < most <= rendering.MAX_LIST_PAGES


@pytest.mark.parametrize("path", ["/ui/nodes", "/ui/instances"])
async def test_no_page_waits_for_those_that_read_the_history(
    service: Service, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def rendered(*given: Any, **more: Any) -> Any:
        begun.set()
        await go_on.wait()
        return await rendering.render(*given, **more)

    monkeypatch.setattr(past_jobs, "render", rendered)
    page = {"Accept": "text/html"}
    past = partial(service.client.get, "/ui/history/jobs", headers=page)
    asked = [asyncio.ensure_future(past()) for _ in range(REQUESTS)]
    await begun.wait()
    async with service.client.get(path, headers=page) as answer:
        assert answer.status == 200
    go_on.set()
    assert {answer.status for answer in await asyncio.gather(*asked)} == {200}


@pytest.mark.parametrize("path", ["/v1/nodes", "/v1/resources", "/v1/nodes/node0"])
async def test_requests_at_the_same_time_share_the_nodes(
    service: Service, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    instance, reads = service.instance, 0
    resources, all_asked = instance.resources, asyncio.Event()

    async def counting() -> Resources:
        nonlocal reads
        reads += 1
        await all_asked.wait()
        return await resources()

    monkeypatch.setattr(instance, "resources", counting)

    async def ask() -> int:
        async with service.client.get(path, headers={"Accept": "text/html"}) as answer:
            await answer.read()
            return answer.status

    tasks = [asyncio.create_task(ask()) for _ in range(REQUESTS)]
    while reads == 0:  # noqa: ASYNC110 - the requests tell nobody
        await asyncio.sleep(0)
    for _ in range(10 * REQUESTS):
        await asyncio.sleep(0)
    all_asked.set()
    assert set(await asyncio.gather(*tasks)) == {200}
    # Some of the requests arrive later, and the service itself asks now and then.
    assert reads < REQUESTS / 4

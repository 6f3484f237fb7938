"""Clients ask for the nodes of a large instance, all at once."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from fluxapi.instance.protocol import Resources
from fluxapi.web import node_pages, nodes, rendering
from tests.handlers.conftest import Service, service, start

__all__ = ["service", "start"]

REQUESTS = 40


async def test_few_pages_of_nodes_are_made_at_the_same_time(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = under_way = 0
    arrange = nodes.arrange
    lock = threading.Lock()

    def counted(*given: Any) -> Any:
        nonlocal most, under_way
        with lock:
            under_way += 1
            most = max(most, under_way)
        return arrange(*given)

    render = rendering.render

    async def rendered(*given: Any, **more: Any) -> Any:
        nonlocal under_way
        answer = await render(*given, **more)
        with lock:
            under_way -= 1
        return answer

    monkeypatch.setattr(node_pages, "arrange", counted)
    monkeypatch.setattr(node_pages, "render", rendered)
    monkeypatch.setattr("fluxapi.process.timeslice.TimeSlice.__init__.__defaults__", (0.0,))
    monkeypatch.setattr("fluxapi.web.slices._SLICE_PIECES", 4)
    page = {"Accept": "text/html"}
    asked = [service.client.get("/ui/nodes", headers=page) for _ in range(REQUESTS)]
    assert {answer.status for answer in await asyncio.gather(*asked)} == {200}
    assert 1 < most <= node_pages.MAX_NODE_PAGES


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

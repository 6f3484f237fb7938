"""Clients ask for the nodes of a large instance, all at once."""

from __future__ import annotations

import asyncio

import pytest

from fluxapi.instance.protocol import Resources
from tests.handlers.conftest import Service, service, start

__all__ = ["service", "start"]

REQUESTS = 40


@pytest.mark.parametrize("path", ["/v1/nodes", "/v1/resources", "/v1/nodes/node0", "/ui/nodes"])
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

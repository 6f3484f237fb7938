"""One client has as many requests under way as there are connections."""

from __future__ import annotations

import asyncio

import pytest

from fluxapi.errors import TooManyRequests
from fluxapi.http import keys
from fluxapi.http.requests_under_way import RequestsUnderWay
from tests.handlers.conftest import Service, service, start

__all__ = ["service", "start"]


def test_one_client_leaves_connections_to_others() -> None:
    under_way = RequestsUnderWay(100)
    for _ in range(90):
        under_way.begin("one")
    with pytest.raises(TooManyRequests):
        under_way.begin("one")
    for _ in range(16):
        under_way.begin("another")
    with pytest.raises(TooManyRequests):
        under_way.begin("another")
    for _ in range(17):
        under_way.end("one")
    under_way.begin("one")


async def test_requests_that_wait_are_under_way(service: Service) -> None:
    app = service.client.app
    assert app is not None
    app[keys.UNDER_WAY].connections = 20
    path = f"/v1/jobs/{await service.submit()}/wait?timeout=300"

    async def get(path: str) -> None:
        async with service.client.get(path):
            pass

    waits = [asyncio.create_task(get(path)) for _ in range(18)]
    status = 200
    while status == 200:
        async with service.client.get("/v1/stats") as answer:
            status = answer.status
    assert status == 429
    assert answer.headers["Retry-After"] == "2"
    async with service.client.get("/health") as answer:
        assert answer.status == 200
    for wait in waits:
        wait.cancel()
    await asyncio.wait(waits)
    while status == 429:
        async with service.client.get("/v1/stats") as answer:
            status = answer.status
    assert status == 200

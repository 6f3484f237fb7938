"""One client has as many requests under way as there are connections."""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager, AsyncExitStack
from itertools import count

import pytest
from aiohttp import encode_basic_auth

from fluxapi.errors import TooManyRequests
from fluxapi.http import keys
from fluxapi.http.body_budget import Arriving, BodyBudget
from fluxapi.http.requests_under_way import RequestsUnderWay
from tests.handlers.conftest import Service, Start, service, start

from .wire import connect

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


BEGUN = b"POST /ui/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n"


async def test_bodies_that_have_not_arrived_leave_connections_to_others(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = await start(require_auth=True, user="ada", token="s3cret")
    app, port = service.client.app, service.client.port
    assert app is not None
    assert port is not None
    app[keys.UNDER_WAY].connections = 20
    awaited, numbers, arriving = asyncio.Event(), count(1), BodyBudget.arriving

    def begin(budget: BodyBudget, client: str) -> AbstractContextManager[Arriving]:
        if next(numbers) == 18:
            awaited.set()
        return arriving(budget, client)

    monkeypatch.setattr(BodyBudget, "arriving", begin)
    async with AsyncExitStack() as stack:
        for _ in range(18):
            wire = await stack.enter_async_context(connect(port))
            await wire.send(BEGUN)
        await awaited.wait()
        async with service.client.get("/ui/login") as answer:
            assert answer.status == 200


def test_a_body_that_has_arrived_is_under_way() -> None:
    under_way = RequestsUnderWay(20)
    for _ in range(17):
        under_way.begin("one")
    with pytest.raises(TooManyRequests), under_way.arriving("one"):  # noqa: PT012 - both
        for _ in range(2):
            under_way.begin("one")
    for _ in range(19):
        under_way.end("one")
    under_way.begin("one")


async def test_somebody_without_credentials_is_another_client_than_the_owner(start: Start) -> None:
    service = await start(require_auth=True, user="ada", token="s3cret")
    app = service.client.app
    assert app is not None
    app[keys.UNDER_WAY].connections = 20
    for _ in range(18):
        app[keys.UNDER_WAY].begin("peer this machine")
    async with service.client.get("/ui/login") as answer:
        assert answer.status == 429
    owner = {"Authorization": encode_basic_auth("ada", "s3cret")}
    async with service.client.get("/v1/stats", headers=owner) as answer:
        assert answer.status == 200

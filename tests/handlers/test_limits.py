"""The limits of one token and of one address: requests, bytes of bodies, streams."""

from __future__ import annotations

import contextlib

import pytest
from aiohttp import ClientResponse

from fluxapi.http import clients
from tests.security.test_credentials import AUTH, basic, bearer

from .conftest import Service, Start
from .test_tokens import create


async def is_refused(response: ClientResponse) -> bool:
    """Return whether a client is told to wait, and check how it is told."""
    if response.status != 429:
        return False
    problem = await response.json()
    assert problem["type"] == "/docs/errors#too-many-requests"
    if "max-client-streams" not in problem["detail"]:
        assert f"try again in {response.headers['Retry-After']}s" in problem["detail"]
    assert int(response.headers["Retry-After"]) >= 1
    return True


@pytest.fixture
def addresses(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list whose last address, if there is one, is that of each request."""
    found: list[str] = []
    monkeypatch.setattr(clients, "client_of", lambda _: found[-1] if found else "127.0.0.1")
    return found


async def test_requests_of_an_address_are_limited(start: Start, addresses: list[str]) -> None:
    service = await start(max_client_requests=1)
    refused = [await is_refused(await service.client.get("/v1/health")) for _ in range(5)]
    assert refused[0] is False
    assert any(refused)
    addresses.append("192.0.2.1")
    assert (await service.client.get("/v1/health")).status == 200


async def test_requests_of_a_token_are_limited_from_wherever_they_come(
    start: Start, addresses: list[str]
) -> None:
    service = await start(**AUTH, max_client_requests=1)
    tokens = []
    for name in ("a", "b"):
        addresses.append(f"made {name}")
        tokens.append(bearer((await create(service, name))["token"]))
    refused = []
    for number in range(5):
        addresses.append(f"192.0.2.{number}")
        refused.append(await is_refused(await service.client.get("/v1/jobs", headers=tokens[0])))
    assert refused[0] is False
    assert any(refused)
    addresses.append("192.0.2.99")
    assert (await service.client.get("/v1/jobs", headers=tokens[1])).status == 200


async def test_bodies_are_limited_and_a_large_one_is_paid_off(start: Start) -> None:
    service = await start(max_client_bytes=1000)
    body = {"command": "true", "environment": {"A": "x" * 5000}}
    assert (await service.client.post("/v1/jobs", json=body)).status == 201
    response = await service.client.post("/v1/jobs", json={"command": "true"})
    assert await is_refused(response)
    assert int(response.headers["Retry-After"]) >= 3
    assert (await service.client.get("/v1/jobs")).status == 200


async def open_streams(service: Service, count: int, **options: object) -> list[int]:
    """Return the statuses of streams that are open at the same time."""
    async with contextlib.AsyncExitStack() as stack:
        answers = [
            await stack.enter_async_context(service.client.get("/v1/events", **options))
            for _ in range(count)
        ]
        return [answer.status for answer in answers]


async def test_streams_of_an_address_are_limited(start: Start, addresses: list[str]) -> None:
    service = await start(max_client_streams=2)
    assert await open_streams(service, 3) == [200, 200, 429]
    async with contextlib.AsyncExitStack() as stack:
        for number in (1, 1, 2):
            addresses.append(f"192.0.2.{number}")
            answer = await stack.enter_async_context(service.client.get("/v1/events"))
            assert answer.status == 200
        assert await is_refused(await service.client.get("/v1/events/ws", headers=UPGRADE)) is False
        addresses.append("192.0.2.1")
        assert await is_refused(await service.client.get("/v1/events/ws", headers=UPGRADE))


UPGRADE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}


async def test_streams_of_a_token_are_limited(start: Start, addresses: list[str]) -> None:
    service = await start(**AUTH, max_client_streams=1)
    headers = bearer((await create(service))["token"])
    async with service.client.get("/v1/events", headers=headers) as first:
        addresses.append("192.0.2.1")
        assert first.status == 200
        assert await is_refused(await service.client.get("/v1/events", headers=headers))
        async with service.client.get("/v1/events", headers=basic()) as other:
            assert other.status == 200

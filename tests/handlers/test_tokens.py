"""``/v1/tokens``: create, list and revoke tokens, and what they open."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.security.test_credentials import AUTH, access_token, basic, bearer

from .conftest import Service, Start


@pytest.fixture
async def service(start: Start) -> Service:
    return await start(**AUTH)


async def create(service: Service, name: str = "laptop", **fields: Any) -> dict[str, Any]:
    body = {"name": name, **fields}
    response = await service.client.post("/v1/tokens", json=body, headers=basic())
    assert response.status == 201, await response.text()
    made: dict[str, Any] = await response.json()
    assert response.headers["Location"] == f"../v1/tokens/{made['id']}"
    return made


async def listed(service: Service) -> list[dict[str, Any]]:
    response = await service.client.get("/v1/tokens", headers=basic())
    assert response.status == 200
    tokens: list[dict[str, Any]] = (await response.json())["tokens"]
    return tokens


async def test_a_token_opens_by_bearer_and_as_password(service: Service) -> None:
    secret = (await create(service))["token"]
    for headers in (bearer(secret), basic(token=secret), basic("anybody", secret)):
        assert (await service.client.get("/jobs", headers=headers)).status == 200
        body = {"command": "true"}
        response = await service.client.post("/v1/jobs", json=body, headers=headers)
        assert response.status == 403
        assert "scope submit" in (await response.json())["detail"]


async def test_the_list_has_no_secret(service: Service) -> None:
    made = await create(service)
    secret = made.pop("token")
    assert made.pop("kept") is False
    assert made["scope"] == "view"
    assert made["expires"] == pytest.approx(time.time() + 30 * 86_400, abs=60)
    await service.client.get("/jobs", headers=bearer(secret))
    (shown,) = await listed(service)
    assert shown.pop("last_used") == pytest.approx(time.time(), abs=60)
    assert shown == made
    assert secret not in json.dumps(shown)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/name"),
        ({"name": ""}, "/name"),
        ({"name": "../x"}, "/name"),
        ({"name": "a\n"}, "/name"),
        ({"name": "x" * 65}, "/name"),
        ({"name": "a", "scope": "root"}, "/scope"),
        ({"name": "a", "expires_in": 0}, "/expires_in"),
        ({"name": "a", "expires_in": 1e300}, "/expires_in"),
        ({"name": "a", "right": "admin"}, "/right"),
    ],
)
async def test_an_invalid_field_is_named(
    service: Service, body: dict[str, Any], pointer: str
) -> None:
    response = await service.client.post("/v1/tokens", json=body, headers=basic())
    assert response.status == 422
    assert pointer in [error["pointer"] for error in (await response.json())["errors"]]


async def test_a_name_belongs_to_one_token(service: Service) -> None:
    await create(service)
    response = await service.client.post("/v1/tokens", json={"name": "laptop"}, headers=basic())
    assert response.status == 409


@pytest.mark.parametrize("by", ["id", "name"])
async def test_a_revoked_token_opens_nothing(service: Service, by: str) -> None:
    made = await create(service)
    response = await service.client.delete(f"/v1/tokens/{made[by]}", headers=basic())
    assert (response.status, (await response.json())["id"]) == (200, made["id"])
    response = await service.client.get("/jobs", headers=bearer(made["token"]))
    assert response.status == 401
    assert await listed(service) == []
    assert (await service.client.delete(f"/v1/tokens/{made[by]}", headers=basic())).status == 404


async def test_an_expired_token_opens_nothing(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await create(service, expires_in=60)
    now = time.time()
    monkeypatch.setattr("fluxapi.security.tokens.time.time", lambda: now + 61)
    response = await service.client.get("/jobs", headers=bearer(made["token"]))
    assert response.status == 401
    assert "expired" in (await response.json())["detail"]
    (shown,) = await listed(service)
    assert shown["expired"] is True


async def test_a_token_is_valid_again_once_a_clock_that_was_ahead_is_set(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await create(service, expires_in=60)
    now = time.time()
    with monkeypatch.context() as patched:
        patched.setattr("fluxapi.security.tokens.time.time", lambda: now + 400 * 86_400)
        (shown,) = await listed(service)
        assert shown["expired"] is True
    response = await service.client.get("/jobs", headers=bearer(made["token"]))
    assert response.status == 200


async def test_an_access_token_of_a_token_has_its_right_and_is_revoked_with_it(
    service: Service,
) -> None:
    made = await create(service, expires_in=60)
    response = await service.client.post("/token", headers=basic(token=made["token"]))
    answer = await response.json()
    assert answer["expires_in"] <= 60
    headers = bearer(answer["access_token"])
    for _ in range(2):  # the second time from the cache
        assert (await service.client.get("/jobs", headers=headers)).status == 200
        assert (await service.client.delete("/v1/jobs/f1", headers=headers)).status == 403
    await service.client.delete("/v1/tokens/laptop", headers=basic())
    assert (await service.client.get("/jobs", headers=headers)).status == 401


async def test_a_token_gets_no_access_token_as_bearer(service: Service) -> None:
    made = await create(service, scope="admin")
    response = await service.client.post("/token", headers=bearer(made["token"]))
    assert response.status == 401


@pytest.mark.parametrize("kind", ["token", "access token"])
async def test_a_token_does_not_live_on_in_another(service: Service, kind: str) -> None:
    made = await create(service, scope="admin", expires_in=3600)
    secret = made["token"] if kind == "token" else await access_token(service)
    headers = bearer(secret)
    for lasts in (None, 86_400):
        body = {"name": "longer", "expires_in": lasts}
        response = await service.client.post("/v1/tokens", json=body, headers=headers)
        assert response.status == 422
        assert "longer than the credentials" in (await response.json())["errors"][0]["detail"]
    response = await service.client.post("/v1/tokens", json={"name": "same"}, headers=headers)
    child = await response.json()
    assert response.status == 201
    assert child["expires"] <= time.time() + 36_000
    await service.client.delete("/v1/tokens/laptop", headers=basic())
    response = await service.client.get("/jobs", headers=bearer(child["token"]))
    assert response.status == (401 if kind == "token" else 200)


async def test_revoking_ends_streams_and_sockets_at_once(service: Service) -> None:
    made = await create(service)
    headers = bearer(made["token"])
    other = await create(service, name="other")
    async with (
        service.client.get("/v1/events", headers=headers) as stream,
        service.client.ws_connect("/v1/events/ws", headers=headers) as socket,
        service.client.ws_connect("/v1/events/ws", headers=bearer(other["token"])) as kept,
    ):
        response = await service.client.delete("/v1/tokens/laptop", headers=basic())
        assert response.status == 200
        closing = await asyncio.wait_for(socket.receive(), 10)
        assert (closing.type, closing.data) == (aiohttp.WSMsgType.CLOSE, 4401)
        text = (await asyncio.wait_for(stream.read(), 10)).decode()
        assert 'event: end\ndata: {"reason":"expired"' in text
        await kept.send_json({"type": "subscribe", "sub": "a", "stream": "events"})
        assert (await kept.receive_json())["type"] == "subscribed"


async def test_a_ticket_of_a_revoked_token_opens_nothing_for_long(service: Service) -> None:
    made = await create(service)
    response = await service.client.post("/v1/ticket", headers=bearer(made["token"]))
    ticket = (await response.json())["ticket"]
    await service.client.delete("/v1/tokens/laptop", headers=basic())
    response = await service.client.get(f"/v1/events?ticket={ticket}")
    assert response.status == 401


async def test_a_socket_goes_on_with_another_token(service: Service) -> None:
    first, second = await create(service, "first"), await create(service, "second")
    headers = bearer(first["token"])
    async with service.client.ws_connect("/v1/events/ws", headers=headers) as socket:
        await socket.send_json({"type": "auth", "token": second["token"]})
        assert (await socket.receive_json())["expires"] == second["expires"]
        await service.client.delete("/v1/tokens/first", headers=basic())
        await socket.send_json({"type": "subscribe", "sub": "a", "stream": "events"})
        assert (await socket.receive_json())["type"] == "subscribed"
        await service.client.delete("/v1/tokens/second", headers=basic())
        while (message := await socket.receive()).type is aiohttp.WSMsgType.TEXT:
            pass
        assert message.data == 4401


async def test_tokens_outlive_a_restart_with_a_state_directory(
    start: Start, tmp_path: Path
) -> None:
    first = await start(**AUTH, statedir=tmp_path)
    made = await create(first)
    assert made["kept"] is True
    await first.client.close()
    second = await start(**AUTH, statedir=tmp_path)
    response = await second.client.get("/jobs", headers=bearer(made["token"]))
    assert response.status == 200


async def test_no_token_is_logged(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    made = await create(service)
    await service.client.get("/jobs", headers=bearer(made["token"]))
    await service.client.get("/jobs", headers=bearer(made["token"] + "x"))
    assert made["token"] not in caplog.text

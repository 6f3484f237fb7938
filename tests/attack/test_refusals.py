"""Hundreds of requests that are refused: each may take long to explain, and others do not wait."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from aiohttp.test_utils import TestServer

from fluxapi.contracts import schema
from fluxapi.errors import ValidationFailed
from fluxapi.http import keys
from fluxapi.http.endpoints import _check_body
from tests.handlers.conftest import Start, start

from .passes import Passes
from .wire import PATIENCE_S, Wire

__all__ = ["start"]

MANY = 50
SHORT = {"subscriptions": [1] * 128}
"""A body of 400 bytes that jsonschema takes 7 ms to explain in full."""


async def test_one_body_is_explained_in_a_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Passes()
    explain = schema.check

    def check(name: str, fields: Any) -> None:
        counted.note()
        explain(name, fields)

    monkeypatch.setattr("fluxapi.http.endpoints.schema.check", check)
    found = await asyncio.gather(
        *(_check_body("subscriptions", SHORT) for _ in range(MANY)), return_exceptions=True
    )
    assert {type(error) for error in found} == {ValidationFailed}
    assert sum(counted.done.values()) == MANY
    assert counted.most == 1


def test_few_errors_are_explained_and_the_problem_says_so() -> None:
    with pytest.raises(ValidationFailed, match="20 fields or more are not valid") as caught:
        schema.check("subscriptions", SHORT)
    assert len(caught.value.members["errors"]) == 20


async def test_bodies_that_arrive_at_once_go_on_in_turn(start: Start) -> None:
    service = await start()
    server = service.client.server
    assert isinstance(server, TestServer)
    body = json.dumps(SHORT).encode()
    head = (
        f"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    admission, begun = server.app[keys.ADMISSION], asyncio.Event()
    budget = server.app[keys.BODIES]
    held: list[int] = []
    take = admission.take

    async def note() -> None:
        held.append(budget._total)
        await take()
        begun.set()

    admission.take = note  # type: ignore[method-assign]
    wire = Wire(*await asyncio.open_connection("127.0.0.1", server.port))
    await wire.send(head.encode())
    await asyncio.wait_for(begun.wait(), PATIENCE_S)
    assert held == [0]
    await wire.send(body)
    answer = await wire.answer()
    assert answer is not None
    assert answer.status == 422
    # While it waits for its turn, its bytes count to those of all bodies.
    assert held == [0, len(body)]
    await wire.close()


@pytest.mark.parametrize("path", ["/health", "/ready"])
async def test_a_probe_waits_for_no_other_request(start: Start, path: str) -> None:
    service = await start()
    server = service.client.server
    assert isinstance(server, TestServer)

    async def wait() -> None:
        await asyncio.get_running_loop().create_future()

    server.app[keys.ADMISSION].take = wait  # type: ignore[method-assign]
    other = asyncio.create_task(service.client.get("/v1/jobs"))
    answer = await asyncio.wait_for(service.client.get(path), PATIENCE_S)
    assert answer.status == 200
    assert not other.done()
    other.cancel()

"""Hundreds of requests that are refused: each may take long to explain, and others do not wait."""

from __future__ import annotations

import asyncio
import json
import weakref
from typing import Any

import pytest
from aiohttp.test_utils import TestServer

from fluxapi.contracts import schema
from fluxapi.errors import ValidationFailed
from fluxapi.http import body, keys
from fluxapi.http.decode_turn import MAX_DECODED
from fluxapi.http.endpoints import _checked
from tests.handlers.conftest import Start, start

from .passes import Passes
from .wire import PATIENCE_S, Wire

__all__ = ["start"]

MANY = 50
SHORT = {"subscriptions": [1] * 128}
"""A body of 400 bytes that jsonschema takes 7 ms to explain in full."""


async def test_one_body_is_explained_in_a_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    passes = Passes()
    explain = schema.check

    def check(name: str, fields: Any) -> None:
        passes.note()
        explain(name, fields)

    monkeypatch.setattr("fluxapi.http.endpoints.schema.check", check)
    found = await asyncio.gather(
        *(_checked("subscriptions", json.dumps(SHORT).encode()) for _ in range(MANY)),
        return_exceptions=True,
    )
    assert {type(error) for error in found} == {ValidationFailed}
    assert sum(passes.done.values()) == MANY
    assert passes.most == 1


class Decoded(dict[str, Any]):
    """A body, decoded."""


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that is told how many bodies are decoded and not yet refused, at each."""
    found: list[int] = []
    made: list[weakref.ref[Decoded]] = []

    async def decode(raw: bytes) -> Decoded:
        value = Decoded(body.decode(raw))
        made.append(weakref.ref(value))
        found.append(sum(it() is not None for it in made))
        return value

    monkeypatch.setattr("fluxapi.http.endpoints.body.decode_large", decode)
    return found


async def test_short_bodies_wait_as_text_to_be_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = counted(monkeypatch)
    await asyncio.gather(
        *(_checked("subscriptions", json.dumps(SHORT).encode()) for _ in range(MANY)),
        return_exceptions=True,
    )
    assert len(decoded) == MANY
    assert max(decoded) == 1


async def test_few_long_bodies_are_decoded_before_they_are_explained(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = await start()
    decoded = counted(monkeypatch)
    long = {"subscriptions": [1] * 5000}
    answers = await asyncio.gather(
        *(service.client.post("/v1/events", json=long) for _ in range(MANY))
    )
    assert {answer.status for answer in answers} == {422}
    assert len(decoded) == MANY
    assert max(decoded) <= MAX_DECODED
    server = service.client.server
    assert isinstance(server, TestServer)
    assert not server.app[keys.DECODING]._under_way


def test_few_errors_are_explained_and_the_problem_says_so() -> None:
    with pytest.raises(ValidationFailed, match="20 fields or more are not valid") as caught:
        schema.check("subscriptions", SHORT)
    assert len(caught.value.members["errors"]) == 20


async def test_bodies_that_arrive_at_once_go_on_in_turn(start: Start) -> None:
    service = await start()
    server = service.client.server
    assert isinstance(server, TestServer)
    text = json.dumps(SHORT).encode()
    head = (
        f"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(text)}\r\n\r\n"
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
    await wire.send(text)
    answer = await wire.answer()
    assert answer is not None
    assert answer.status == 422
    # While it waits for its turn, its bytes count to those of all bodies.
    assert held == [0, len(text)]
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

"""Messages and requests of the event channel that are refused, and closes, which say why."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import WSCloseCode, WSMsgType

from fluxapi.events.channel.websocket import MAX_MESSAGE_BYTES, _Socket
from fluxapi.handlers.routes import ROUTES
from fluxapi.http import keys

from .checked_messages import BOUND, DOCUMENT, MESSAGES, Socket, socket_of
from .conftest import Service


async def test_a_token_that_is_none(service: Service) -> None:
    example = MESSAGES["authenticate"]["examples"][0]["payload"]
    async with socket_of(service) as socket:
        answer = await socket.ask(example)
    assert (answer["type"], answer["status"]) == ("error", 401)


def subscribe(**fields: Any) -> str:
    return json.dumps({"type": "subscribe", "sub": "mine", "stream": "events", **fields})


REFUSED = {
    "unknown type": (json.dumps({"type": "sing"}), "/type"),
    "no type": ("{}", "/type"),
    "type of another kind": (json.dumps({"type": ["subscribe"]}), "/type"),
    "unknown field": (subscribe(fliter={}), "/fliter"),
    "no stream": (json.dumps({"type": "subscribe", "sub": "mine"}), "/stream"),
    "unknown stream": (subscribe(stream="job"), "/stream"),
    "unknown state": (subscribe(filter={"state": ["RUN", "RUNING"]}), "/filter/state/1"),
    "unknown field of a filter": (subscribe(filter={"sate": []}), "/filter/sate"),
    "job id that is none": (subscribe(filter={"id": ["f1", "no id"]}), "/filter/id/1"),
    "too long": (subscribe(sub="x" * 65), "/sub"),
    "empty": (subscribe(sub=""), "/sub"),
    "cursor that is no text": (subscribe(since=5), "/since"),
    "output of no job": (subscribe(stream="output"), "/job"),
    "no such subscription": (json.dumps({"type": "unsubscribe", "sub": "other"}), "/sub"),
    "too deep": (subscribe(filter=json.loads("[" * 200 + "]" * 200)), ""),
}


@pytest.mark.parametrize(("text", "pointer"), REFUSED.values(), ids=REFUSED)
async def test_a_bad_field_is_named(service: Service, text: str, pointer: str) -> None:
    async with socket_of(service) as socket:
        await socket.raw.send_str(text)
        answer = await socket.answer()
        assert (answer["type"], answer["status"]) == ("error", 422)
        assert [field["pointer"] for field in answer["errors"]] == [pointer]
        name = json.loads(text).get("sub")
        assert answer.get("sub") == (name if name in {"mine", "other"} else None)
        assert (await socket.ask(json.loads(subscribe())))["type"] == "subscribed"


@pytest.mark.parametrize("text", ["", "flux", "[1]", '"subscribe"', "{", '{"type":NaN}'])
async def test_a_message_that_is_no_object_is_refused(service: Service, text: str) -> None:
    async with socket_of(service) as socket:
        await socket.raw.send_str(text)
        answer = await socket.answer()
        assert (answer["type"], answer["problem"]) == ("error", "/docs/errors#malformed-json")
        assert (await socket.ask(json.loads(subscribe())))["type"] == "subscribed"


async def test_one_name_is_for_one_subscription(service: Service) -> None:
    async with socket_of(service) as socket:
        await socket.ask(json.loads(subscribe()))
        answer = await socket.ask(json.loads(subscribe(stream="jobs")))
        assert [field["pointer"] for field in answer["errors"]] == ["/sub"]
        assert answer["sub"] == "mine"


async def test_an_unknown_job_is_refused(service: Service) -> None:
    async with socket_of(service) as socket:
        answer = await socket.ask(json.loads(subscribe(stream="output", job="f1")))
        assert (answer["type"], answer["status"]) == ("error", 404)


async def too_large(service: Service, socket: Socket) -> None:  # noqa: ARG001 - one of several
    await socket.raw.send_str("x" * (MAX_MESSAGE_BYTES + 1))


async def binary(service: Service, socket: Socket) -> None:  # noqa: ARG001 - one of several
    await socket.raw.send_bytes(b"{}")


async def shutdown(service: Service, socket: Socket) -> None:  # noqa: ARG001 - one of several
    app = service.client.app
    assert app is not None
    app[keys.CONNECTIONS].close()


CLOSED: list[tuple[Callable[[Service, Socket], Any], int]] = [
    (too_large, WSCloseCode.MESSAGE_TOO_BIG),
    (binary, WSCloseCode.UNSUPPORTED_DATA),
    (shutdown, WSCloseCode.GOING_AWAY),
]


@pytest.mark.parametrize(
    ("cause", "code"), CLOSED, ids=lambda value: getattr(value, "__name__", "")
)
async def test_a_close_says_why(
    service: Service, cause: Callable[[Service, Socket], Any], code: int
) -> None:
    async with socket_of(service) as socket:
        await cause(service, socket)
        message = await asyncio.wait_for(socket.raw.receive(), BOUND)
    assert message.type is WSMsgType.CLOSE
    assert message.data == code
    assert str(int(code)) in DOCUMENT["channels"]["socket"]["x-close-codes"]


STREAMS = [route for route in ROUTES if route.stream and route.other]


@pytest.mark.parametrize("route", STREAMS, ids=lambda route: route.name)
async def test_an_unsupported_media_type_of_a_stream_is_406(service: Service, route: Any) -> None:
    path = route.path.replace("{id}", await service.submit())
    response = await service.client.get(f"/v1{path}", headers={"Accept": "image/png"})
    assert response.status == 406
    detail = (await response.json())["detail"]
    assert all(kind in detail for kind in route.other)


@pytest.mark.parametrize("route", STREAMS, ids=lambda route: route.name)
async def test_an_unknown_parameter_of_a_stream_is_named(service: Service, route: Any) -> None:
    path = route.path.replace("{id}", await service.submit())
    response = await service.client.get(f"/v1{path}", params={"tint": "red"})
    assert response.status == 422
    assert [field["pointer"] for field in (await response.json())["errors"]] == ["/tint"]


async def test_a_burst_of_messages_does_not_block_other_tasks(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn, taken, take = 0, [], _Socket._take

    def noted(socket: _Socket, message: Any) -> None:
        taken.append(turn)
        take(socket, message)

    monkeypatch.setattr(_Socket, "_take", noted)

    async def count() -> None:
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)

    async with socket_of(service) as socket:
        counting = asyncio.create_task(count())
        for number in range(20):
            name = {"sub": f"s{number}"}
            await socket.raw.send_json({"type": "subscribe", "stream": "stats", **name})
            await socket.raw.send_json({"type": "unsubscribe", **name})
        answers = [await socket.answer() for _ in range(40)]
        counting.cancel()
    assert {answer["type"] for answer in answers} == {"subscribed", "unsubscribed"}
    assert len(taken) == 40
    assert max(Counter(taken).values()) <= 16

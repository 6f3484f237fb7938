"""The messages on each wire are those of the AsyncAPI document."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import jsonschema
import pytest
from aiohttp import WSCloseCode, WSMsgType

from fluxapi.contracts import schema
from fluxapi.events.channel import async_messages, asyncapi
from fluxapi.events.channel.websocket import MAX_MESSAGE_BYTES, PROTOCOL, _Socket
from fluxapi.handlers.routes import ROUTES
from fluxapi.http import keys
from fluxapi.model import jobid
from fluxapi.model.eventlog import Purged

from .conftest import Service, Start

DOCUMENT: dict[str, Any] = asyncapi.document(ROUTES)
MESSAGES: dict[str, Any] = DOCUMENT["components"]["messages"]
ACCEPT = {"SSE": "text/event-stream", "Line": "application/x-ndjson"}
WIRES = ("", "SSE", "Line")
"""The suffix of the names of messages: on a socket, as Server-Sent Events, as lines."""

BOUND = 30.0
"""Seconds that a message may take; only a hang takes longer."""

Message = dict[str, Any]
Reader = AsyncIterator[tuple[str, Message]]


def check(rules: Message, value: Any) -> None:
    jsonschema.Draft202012Validator({**rules, "components": DOCUMENT["components"]}).validate(value)


def checked(name: str, payload: Message, headers: Message | None = None) -> Message:
    """Return the payload, which must fit the message of that name."""
    check(MESSAGES[name]["payload"], payload)
    check(MESSAGES[name].get("headers", {}), headers or {})
    return payload


class Socket:
    """A client of the event channel that checks whatever it is told."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse[Any]) -> None:
        self.raw = socket

    async def next(self) -> Message:
        message: Message = json.loads(await asyncio.wait_for(self.raw.receive_str(), BOUND))
        return checked(message["type"], message)

    async def answer(self) -> Message:
        """Return the next message that belongs to no subscription."""
        while (message := await self.next())["type"] in async_messages.SERVER:
            pass
        return message

    async def ask(self, message: Message) -> Message:
        await self.raw.send_json(message)
        return await self.answer()


@contextlib.asynccontextmanager
async def socket_of(service: Service, **headers: str) -> AsyncIterator[Socket]:
    opened = service.client.ws_connect("/v1/events/ws", protocols=[PROTOCOL], headers=headers)
    async with opened as socket:
        assert socket.protocol == PROTOCOL
        yield Socket(socket)


async def over_socket(socket: Socket) -> Reader:
    while True:
        message = await socket.next()
        yield message["type"], message


async def over_http(response: aiohttp.ClientResponse, wire: str) -> Reader:
    fields: Message = {}
    while line := (await asyncio.wait_for(response.content.readline(), BOUND)).decode():
        if wire == "Line":
            message = json.loads(line)
            yield message["type"], checked(message["type"] + wire, message)
        elif line != "\n":
            name, _, value = line.rstrip("\n").partition(": ")
            fields[name] = value
        elif "event" in fields:
            headers = {key: value for key, value in fields.items() if key in {"event", "id"}}
            payload = json.loads(fields["data"])
            yield headers["event"], checked(headers["event"] + wire, payload, headers)
            fields = {}


@contextlib.asynccontextmanager
async def reading(service: Service, wire: str, stream: str, **more: str) -> AsyncIterator[Reader]:
    """Return the messages of a stream of the instance over a wire."""
    if wire:
        query = {"stream": stream, **more}
        headers = {"Accept": ACCEPT[wire]}
        async with service.client.get("/v1/events", params=query, headers=headers) as response:
            assert response.status == 200
            yield over_http(response, wire)
    else:
        async with socket_of(service) as socket:
            subscribe = {"type": "subscribe", "sub": "mine", "stream": stream, **more}
            assert (await socket.ask(subscribe))["type"] == "subscribed"
            yield over_socket(socket)


@contextlib.asynccontextmanager
async def reading_job(service: Service, wire: str, job: str, part: str) -> AsyncIterator[Reader]:
    """Return the messages about one job: its ``events``, or its output."""
    path = f"/v1/jobs/{job}/{part}"
    async with service.client.get(path, headers={"Accept": ACCEPT[wire]}) as response:
        assert response.status == 200
        yield over_http(response, wire)


async def until(reader: Reader, kind: str) -> Message:
    async for found, message in reader:
        if found == kind:
            return message
    raise AssertionError(f"The stream ended before any {kind}.")


def forget(service: Service, job: str) -> None:
    service.instance._journal.put_nowait([Purged([jobid.parse(job)])])


@pytest.mark.parametrize("wire", WIRES)
async def test_an_event(service: Service, wire: str) -> None:
    async with reading(service, wire, "events") as reader:
        await until(reader, "bookmark")
        job = await service.submit()
        message = await until(reader, "event")
    assert (message["id"], message["index"], message["name"]) == (job, 0, "submit")


@pytest.mark.parametrize("wire", WIRES)
async def test_a_job(service: Service, wire: str) -> None:
    async with reading(service, wire, "jobs") as reader:
        await until(reader, "bookmark")
        job = await service.submit()
        message = await until(reader, "job")
    assert message["id"] == job


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("stream", ["jobs", "events"])
async def test_a_job_that_is_gone(service: Service, stream: str, wire: str) -> None:
    job = await service.submit()
    async with reading(service, wire, stream) as reader:
        await until(reader, "bookmark")
        forget(service, job)
        message = await until(reader, "gone")
    assert message["id"] == job


@pytest.mark.parametrize("wire", WIRES)
async def test_a_snapshot(service: Service, wire: str) -> None:
    job = await service.submit()
    async with reading(service, wire, "jobs") as reader:
        message = await until(reader, "snapshot")
    assert [row["id"] for row in message["jobs"]] == [job]
    assert (message["first"], message["more"]) == (True, False)


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("stream", ["jobs", "events"])
async def test_a_mark_counts_jobs(service: Service, stream: str, wire: str) -> None:
    await service.submit()
    async with reading(service, wire, stream) as reader:
        message = await until(reader, "bookmark")
    assert message["count"] == 1
    assert message["digest"] != "00000000"


@pytest.mark.parametrize("wire", WIRES)
async def test_a_mark_of_figures_counts_nothing(service: Service, wire: str) -> None:
    async with reading(service, wire, "stats") as reader:
        message = await until(reader, "bookmark")
    assert "count" not in message
    assert "digest" not in message


@pytest.mark.parametrize(
    ("name", "value", "counted"),
    [("queue", "batch", True), ("name", "x*", True), ("state", "RUN", False), ("node", "n", False)],
)
async def test_a_mark_of_events_counts_what_a_filter_takes_for_good(
    service: Service, name: str, value: str, *, counted: bool
) -> None:
    async with reading(service, "Line", "events", **{name: value}) as reader:
        message = await until(reader, "bookmark")
    assert ("count" in message) is counted
    assert ("digest" in message) is counted


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("stream", ["jobs", "events"])
async def test_a_reset(service: Service, stream: str, wire: str) -> None:
    async with reading(service, wire, stream, since="bogus") as reader:
        message = await until(reader, "reset")
    assert message["reason"] == "unknown"
    assert message["detail"] == DOCUMENT["x-reset-reasons"]["unknown"]


@pytest.mark.parametrize("wire", WIRES)
async def test_figures(service: Service, wire: str) -> None:
    await service.submit()
    async with reading(service, wire, "stats") as reader:
        message = await until(reader, "stats")
        while message["nodes"] is None:
            message = await until(reader, "stats")
    assert message["total"] == 1
    assert message["nodes"]["total"] == 2


@pytest.mark.parametrize("wire", ["SSE", "Line"])
async def test_the_end_of_a_job(service: Service, wire: str) -> None:
    job = await service.submit()
    service.instance.finish(jobid.parse(job))
    async with reading_job(service, wire, job, "events") as reader:
        events = [message async for kind, message in reader if kind in {"event", "end"}]
    assert [event.get("index") for event in events[:-1]] == list(range(7))
    assert events[-1]["reason"] == "clean"


async def test_a_job_as_its_eventlog(service: Service) -> None:
    job = await service.submit()
    service.instance.finish(jobid.parse(job))
    path = f"/v1/jobs/{job}/events"
    async with service.client.get(path, headers={"Accept": "text/plain"}) as response:
        lines = (await response.text()).splitlines()
    assert schema.errors("eventlog", [json.loads(line) for line in lines]) == []
    assert len(lines) == 7


@pytest.mark.parametrize("wire", ["SSE", "Line"])
async def test_the_end_of_the_service(service: Service, wire: str) -> None:
    app = service.client.app
    assert app is not None
    async with reading(service, wire, "events") as reader:
        await until(reader, "bookmark")
        app[keys.CONNECTIONS].close()
        messages = [message async for kind, message in reader if kind == "end"]
    assert [message["reason"] for message in messages] == ["shutdown"]


@pytest.mark.parametrize("wire", ["SSE", "Line"])
async def test_output(service: Service, wire: str) -> None:
    job = await service.submit()
    service.instance.write(jobid.parse(job), {"stream": "stdout", "data": "hello\n"})
    async with reading_job(service, wire, job, "output/stream") as reader:
        message = await until(reader, "output")
        end = await until(reader, "end")
    assert message["data"] == "hello\n"
    assert end["reason"] == "finished"


async def test_output_over_a_socket(service: Service) -> None:
    job = await service.submit()
    service.instance.write(jobid.parse(job), {"stream": "stdout", "data": "hello\n"})
    async with socket_of(service) as socket:
        subscribe = {"type": "subscribe", "sub": "log", "stream": "output", "job": job}
        assert (await socket.ask(subscribe))["type"] == "subscribed"
        reader = over_socket(socket)
        message = await until(reader, "output")
        end = await until(reader, "end")
    assert message["data"] == "hello\n"
    assert (end["sub"], end["reason"]) == ("log", "finished")


CLIENTS = [
    pytest.param(name, example, id=f"{name}-{number}")
    for name in async_messages.CLIENT
    for number, example in enumerate(MESSAGES[name]["examples"])
]


@pytest.mark.parametrize(("name", "example"), CLIENTS)
async def test_every_example_gets_its_answer(start: Start, name: str, example: Message) -> None:
    service = await start(require_auth=True, user="alice", token="secret")
    login = await service.client.post("/v1/token", json={"user": "alice", "token": "secret"})
    token = (await login.json())["access_token"]
    bearer = f"Bearer {token}"
    submitted = await service.client.post(
        "/v1/jobs", json={"command": "true"}, headers={"Authorization": bearer}
    )
    # Values that an example cannot know: a valid token, and an existing job.
    known = {"token": token, "job": (await submitted.json())["id"]}
    message = {key: known.get(key, value) for key, value in example["payload"].items()}
    async with socket_of(service, Authorization=bearer) as socket:
        if name == "unsubscribe":
            await socket.ask({"type": "subscribe", "sub": message["sub"], "stream": "stats"})
        answer = await socket.ask(message)
    promised, _ = async_messages.CLIENT[name]
    assert answer["type"] == promised
    assert answer.get("sub") == message.get("sub")


@pytest.mark.parametrize("filter", schema.schema("stream-filter")["examples"])
async def test_every_example_of_a_filter_is_taken(service: Service, filter: Message) -> None:
    async with socket_of(service) as socket:
        subscribe = {"type": "subscribe", "sub": "mine", "stream": "events", "filter": filter}
        assert (await socket.ask(subscribe))["type"] == "subscribed"


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
    assert len(set(taken)) == len(taken) == 40

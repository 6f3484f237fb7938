"""Readers of the event channel that check each message against its contract."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import jsonschema

from fluxapi.events.channel import async_messages, asyncapi
from fluxapi.events.channel.websocket import PROTOCOL
from fluxapi.handlers.routes import ROUTES

from .conftest import Service

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

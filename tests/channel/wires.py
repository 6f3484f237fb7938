"""The three wires of the event channel as plain streams of messages."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any, NamedTuple

import aiohttp
import msgspec

__all__ = ["WIRES", "Cut", "Message", "Refusal", "follow"]

WIRES = ("sse", "lines", "socket", "deflate")
"""``deflate`` is a socket whose messages may be compressed (RFC 7692)."""

_ACCEPT = {"sse": "text/event-stream", "lines": "application/x-ndjson"}


class Message(NamedTuple):
    """``kind`` is its name or type; ``fields`` what else it carries."""

    kind: str
    cursor: str | None
    fields: dict[str, Any]


class Cut(Exception):
    """The stream is over; ``code`` is the close code of a socket, 0 of other wires."""

    def __init__(self, code: int = 0) -> None:
        super().__init__(code)
        self.code = code


class Refusal(Exception):
    """The stream was refused with a status."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(status, text)
        self.status = status


@contextlib.asynccontextmanager
async def follow(
    session: aiohttp.ClientSession,
    api: str,
    wire: str,
    stream: str,
    *,
    since: str | None = None,
    filter: Mapping[str, Any] | None = None,
) -> AsyncIterator[AsyncIterator[Message]]:
    """Yield the messages of a stream, then raise :class:`Cut`. Leaving disconnects at once."""
    if wire in {"socket", "deflate"}:
        wanted: dict[str, Any] = {"stream": stream, "filter": dict(filter or {})}
        if since is not None:
            wanted["since"] = since
        opened = _socket(session, api, wanted, compress=15 if wire == "deflate" else 0)
    else:
        query = [("stream", stream), *_pairs(filter or {})]
        headers = {"Accept": _ACCEPT[wire]}
        if since is not None and wire == "sse":
            headers["Last-Event-ID"] = since
        elif since is not None:
            query.append(("since", since))
        request = session.get(f"{api}/events", params=query, headers=headers)
        opened = _response(await request, _sse if wire == "sse" else _lines)
    async with opened as messages:
        yield messages


def _pairs(filter: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in filter.items():
        for item in [value] if isinstance(value, str) else value:
            yield name, item


@contextlib.asynccontextmanager
async def _response(
    response: aiohttp.ClientResponse,
    read: Callable[[aiohttp.ClientResponse], AsyncIterator[Message]],
) -> AsyncIterator[AsyncIterator[Message]]:
    try:
        if response.status != 200:
            raise Refusal(response.status, await response.text())
        assert response.content_type in _ACCEPT.values()
        yield read(response)
    finally:
        response.close()


async def _line(response: aiohttp.ClientResponse) -> bytes:
    try:
        line = await response.content.readline()
    except (aiohttp.ClientError, ConnectionError):
        raise Cut from None
    if not line.endswith(b"\n"):
        raise Cut
    return line.rstrip(b"\n")


async def _lines(response: aiohttp.ClientResponse) -> AsyncIterator[Message]:
    while True:
        fields = msgspec.json.decode(await _line(response))
        yield Message(fields.pop("type"), fields.pop("cursor", None), fields)


async def _sse(response: aiohttp.ClientResponse) -> AsyncIterator[Message]:
    parts: dict[str, str] = {}
    while True:
        line = (await _line(response)).decode()
        if line:
            name, _, value = line.partition(": ")
            parts[name] = value
        elif "data" in parts:
            yield Message(parts["event"], parts.get("id"), msgspec.json.decode(parts["data"]))
            parts = {}


@contextlib.asynccontextmanager
async def _socket(
    session: aiohttp.ClientSession, api: str, wanted: dict[str, Any], *, compress: int
) -> AsyncIterator[AsyncIterator[Message]]:
    try:
        socket = await session.ws_connect(
            f"{api}/events/ws",
            protocols=("flux-events.v1",),
            # A bound on its farewell: who hangs up does not wait for an answer.
            timeout=aiohttp.ClientWSTimeout(ws_close=0.001),
            max_msg_size=0,
            compress=compress,
        )
    except aiohttp.WSServerHandshakeError as error:
        raise Refusal(error.status, error.message) from None
    try:
        assert (socket.protocol, socket.compress) == ("flux-events.v1", compress)
        await socket.send_json({"type": "subscribe", "sub": "s", **wanted})
        yield _texts(socket)
    finally:
        await socket.close()


async def _texts(socket: aiohttp.ClientWebSocketResponse[Any]) -> AsyncIterator[Message]:
    while True:
        message = await socket.receive()
        if message.type is not aiohttp.WSMsgType.TEXT:
            raise Cut(socket.close_code or 1006)
        fields = msgspec.json.decode(message.data)
        kind = fields.pop("type")
        assert fields.pop("sub", "s") == "s"
        if kind != "subscribed":
            yield Message(kind, fields.pop("cursor", None), fields)

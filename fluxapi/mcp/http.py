"""One message of MCP over HTTP, answered by the SDK.

The SDK serves HTTP as an ASGI application. Each message gets a server and a session manager of its
own, without state, so that a server has the right of one request only, and every answer is JSON.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import logging
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

from fluxapi.contracts.rights import Right

from .port import Jobs
from .server import build

__all__ = ["Answer", "answer"]

_JSON = b"application/json"
_PASSED = ("accept", "mcp-")
"""The begins of the names of headers that the protocol knows."""

_MESSAGES_PER_COLLECTION = 32
"""Messages after which the youngest objects are collected, which takes milliseconds.

The SDK leaves a hundred objects of each message, and its answer, in reference cycles, and the
garbage collector of the service runs seldom.
"""

_BYTES_PER_COLLECTION = 4 << 20
"""Bytes of messages after which those are collected, too, that were under way for a while."""


class _Answered:
    """The messages that were answered since the last collection."""

    def __init__(self) -> None:
        self._count = itertools.count(1)
        self._size = 0

    def add(self, size: int) -> None:
        """Count a message of this size, and collect what the SDK has left if it is time."""
        self._size += size
        if self._size >= _BYTES_PER_COLLECTION:
            self._size = 0
            gc.collect(1)
        elif next(self._count) % _MESSAGES_PER_COLLECTION == 0:
            gc.collect(0)


_answered = _Answered()

# It logs each manager that starts and ends.
logging.getLogger("mcp").setLevel(logging.WARNING)


@dataclass
class Answer:
    """The response of the SDK."""

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def _scope(headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """Return the request as ASGI describes it, without what the service has checked already."""
    passed = [
        (name.lower().encode("latin-1", "replace"), value.encode("latin-1", "replace"))
        for name, value in headers.items()
        if name.lower().startswith(_PASSED)
    ]
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/",
        "raw_path": b"/",
        "root_path": "",
        "query_string": b"",
        "headers": [
            *passed,
            (b"content-type", _JSON),
            (b"content-length", str(len(body)).encode()),
        ],
    }


class _Exchange:
    """The two channels of an ASGI application."""

    def __init__(self, body: bytes) -> None:
        self.answer = Answer()
        self._body: bytes | None = body

    async def receive(self) -> dict[str, Any]:
        """Return the body; later calls wait until the application is done."""
        if self._body is None:
            await asyncio.get_running_loop().create_future()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """Take a part of the response."""
        if message["type"] == "http.response.start":
            self.answer.status = message["status"]
            self.answer.headers = {
                name.decode("latin-1").lower(): value.decode("latin-1")
                for name, value in message.get("headers", ())
            }
        elif message["type"] == "http.response.body":
            self.answer.body += message.get("body", b"")


def _without_arguments(
    message: dict[str, Any],
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return a message without the arguments of a tool, and a list with these."""
    params = message.get("params", {})
    arguments = params.get("arguments")
    if message["method"] != "tools/call" or not isinstance(arguments, dict):
        return message, []
    return {**message, "params": {**params, "arguments": {}}}, [arguments]


# This is the last name, so that a module that has it is complete, whichever thread imports it.
async def answer(
    jobs: Jobs, right: Right | None, headers: Mapping[str, str], message: dict[str, Any]
) -> Answer:
    """Return the answer to *message*, which is valid by ``schemas/mcp-message.json``.

    The SDK does not get the arguments of a tool: it would copy them several times, and keep them in
    reference cycles.
    """
    message, arguments = _without_arguments(message)
    body = msgspec.json.encode(message)
    manager = StreamableHTTPSessionManager(
        app=build(jobs, right, arguments),
        json_response=True,
        stateless=True,
        max_request_body_size=max(len(body), 1),
    )
    exchange = _Exchange(body)
    try:
        async with manager.run():
            await manager.handle_request(_scope(headers, body), exchange.receive, exchange.send)
    finally:
        arguments.clear()
        _answered.add(len(body))
    return exchange.answer

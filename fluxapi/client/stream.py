"""A stream of the service that goes on: Server-Sent Events that come back after every cut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec

from .errors import BadAnswer, ConnectionFailed, NotFound
from .patience import Failure
from .transport import Query, Request, Transport, decoded

if TYPE_CHECKING:
    import aiohttp

__all__ = ["Channel", "Message"]

T = TypeVar("T")

_WHOLE = frozenset({"clean", "finished", "no-output"})
"""Ends after which nothing more comes."""

_STREAM = "text/event-stream"
_NO_STREAM = (
    f"This is not how a fluxapi service answers: {_STREAM} was asked for, and something else came."
)

_MAX_MESSAGE = 64 << 20
"""Bytes of the largest message that is put together."""


class Message(NamedTuple):
    """One message: its kind, the cursor after it (empty: none), and its JSON.

    The kind ``open`` is ours: a connection was made, and what has not come whole will come again.
    """

    kind: str
    cursor: str
    data: bytes


class _End(msgspec.Struct):
    reason: str
    detail: str = ""


class Channel:
    """One stream. It resumes after ``cursor``, which is that of the last message given out.

    ``heartbeat``: seconds of silence after which a connection is taken for dead.
    """

    def __init__(
        self,
        transport: Transport,
        path: str,
        query: Query,
        *,
        cursor: str | None = None,
        resumes: bool = True,
        heartbeat: float = 40.0,
    ) -> None:
        self._transport = transport
        self._path = path
        self._query = query
        self._resumes = resumes
        self._heartbeat = heartbeat
        self.cursor = cursor
        self.connected = False
        self.connections = 0
        self._tries = transport.patience.tries()
        self._over = False

    async def messages(self) -> AsyncGenerator[Message, None]:
        """Messages, up to the end that nothing follows; raises ``ClientError``."""
        while not self._over:
            failure = Failure(ConnectionFailed("The stream broke off."), again=True)
            async with self._transport.attempt(self._request()) as response:
                if isinstance(response, Failure):
                    failure = response
                elif response.content_type != _STREAM:
                    failure = Failure(BadAnswer(_NO_STREAM))
                else:
                    self.connected = True
                    self.connections += 1
                    try:
                        yield Message("open", "", b"")
                        async with aclosing(_parse(response)) as parsed:
                            async for message in parsed:
                                self._tries.heard()
                                if message.kind == "end":
                                    failure = self._ended(message)
                                    break
                                if message.cursor:
                                    self.cursor = message.cursor
                                yield message
                    finally:
                        self.connected = False
            if not self._over:
                await self._tries.wait(failure)

    def _request(self) -> Request:
        headers = {"Accept": _STREAM}
        if self._resumes and self.cursor is not None:
            headers["Last-Event-ID"] = self.cursor
        return Request(
            "GET",
            self._path,
            self._query,
            headers=headers,
            repeatable=True,
            silence=self._heartbeat,
            stream=True,
        )

    def _ended(self, message: Message) -> Failure:
        end = decoded(message.data, _End)
        if end.reason in _WHOLE:
            self._over = True
        detail = end.detail or f"The stream ended: {end.reason}."
        if end.reason == "purged":
            return Failure(NotFound(404, "/docs/errors#job-not-found", "Job not found", detail))
        # With other credentials, which are found when these are refused, it goes on at once.
        return Failure(
            ConnectionFailed(detail), again=True, asked=0.0 if end.reason == "expired" else None
        )


async def _parse(response: aiohttp.ClientResponse) -> AsyncGenerator[Message, None]:
    """Messages of one connection, until it ends or breaks; heartbeats are none."""
    import aiohttp  # noqa: PLC0415 - it is there already

    rest = b""
    try:
        async for chunk in response.content.iter_any():
            *blocks, rest = (rest + chunk).split(b"\n\n")
            if len(rest) > _MAX_MESSAGE:
                return
            for block in blocks:
                message = _message(block)
                if message is not None:
                    yield message
    except (aiohttp.ClientError, asyncio.TimeoutError, OSError):
        return


def _message(block: bytes) -> Message | None:
    kind, cursor, data = "", "", b""
    for line in block.split(b"\n"):
        name, _, value = line.partition(b": ")
        if name == b"event":
            kind = value.decode("utf-8", "replace")
        elif name == b"id":
            cursor = value.decode("utf-8", "replace")
        elif name == b"data":
            data = value
    return Message(kind, cursor, data) if kind else None

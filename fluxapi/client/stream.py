"""A stream of Server-Sent Events that reconnects after every disconnect."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec

from .body import decoded
from .errors import BadAnswer, Conflict, ConnectionFailed, NotFound
from .request import Query, Request
from .retry import Failure
from .transport import Transport

if TYPE_CHECKING:
    import aiohttp

__all__ = ["Channel", "Message"]

T = TypeVar("T")

_FINAL_REASONS = frozenset({"clean", "finished", "no-output"})
"""End reasons after which the stream does not reconnect."""

_CONTENT_TYPE = "text/event-stream"
_WRONG_CONTENT_TYPE = (
    f"The response is not that of a fluxapi service: its content type is not {_CONTENT_TYPE}."
)

_MAX_MESSAGE_BYTES = 64 << 20
"""Bytes in the largest message."""


class Message(NamedTuple):
    """One message: its kind, the cursor after it (empty: none), and its JSON.

    The client adds the kind ``open``: it has connected, and incomplete snapshots start over.
    """

    kind: str
    cursor: str
    data: bytes


class _End(msgspec.Struct):
    reason: str
    detail: str = ""


class Channel:
    """One stream. It resumes after ``cursor``, the cursor of the last message yielded.

    ``heartbeat``: seconds of silence after which it reconnects.
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
        self._retry = transport.retry_policy.start()
        self._over = False

    async def messages(self) -> AsyncGenerator[Message, None]:
        """Yield messages until the stream ends; raise ``ClientError``."""
        while not self._over:
            failure = Failure(ConnectionFailed("The stream was interrupted."), retryable=True)
            async with self._transport.attempt(self._request()) as response:
                if isinstance(response, Failure):
                    failure = response
                elif response.content_type != _CONTENT_TYPE:
                    failure = Failure(BadAnswer(_WRONG_CONTENT_TYPE))
                else:
                    self.connected = True
                    self.connections += 1
                    try:
                        yield Message("open", "", b"")
                        async with aclosing(_parse(response)) as parsed:
                            async for message in parsed:
                                if message.kind == "end":
                                    failure = self._ended(message)
                                    break
                                self._retry.reset()
                                if message.cursor:
                                    self.cursor = message.cursor
                                yield message
                    finally:
                        self.connected = False
            if not self._over:
                await self._retry.wait(failure)

    def _request(self) -> Request:
        headers = {"Accept": _CONTENT_TYPE}
        if self._resumes and self.cursor is not None:
            headers["Last-Event-ID"] = self.cursor
        return Request(
            "GET",
            self._path,
            self._query,
            headers=headers,
            repeatable=True,
            read_timeout=self._heartbeat,
            stream=True,
        )

    def _ended(self, message: Message) -> Failure:
        end = decoded(message.data, _End)
        if end.reason in _FINAL_REASONS:
            self._over = True
        detail = end.detail or f"The stream ended: {end.reason}."
        if end.reason == "changed":
            kind, title = "/docs/errors#output-changed", "Output file changed"
            return Failure(Conflict(409, kind, title, detail))
        if end.reason == "instance-ended":
            kind, title = "/docs/errors#instance-ended", "Instance ended"
            return Failure(Conflict(409, kind, title, detail))
        if end.reason == "purged":
            return Failure(NotFound(404, "/docs/errors#job-not-found", "Job not found", detail))
        # Reconnect at once with new credentials, which are fetched when these are rejected.
        return Failure(
            ConnectionFailed(detail),
            retryable=True,
            retry_after=0.0 if end.reason == "expired" else None,
        )


async def _parse(response: aiohttp.ClientResponse) -> AsyncGenerator[Message, None]:
    """Yield the messages of one connection until it ends; skip heartbeats."""
    import aiohttp  # noqa: PLC0415 - already imported

    rest = bytearray()
    try:
        async for chunk in response.content.iter_any():
            # The part of a message that has arrived is neither searched nor copied again.
            searched = max(len(rest) - 1, 0)
            rest += chunk
            while (end := rest.find(b"\n\n", searched)) >= 0:
                message = _message(bytes(rest[:end]))
                del rest[: end + 2]
                searched = 0
                if message is not None:
                    yield message
            if len(rest) > _MAX_MESSAGE_BYTES:
                return
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

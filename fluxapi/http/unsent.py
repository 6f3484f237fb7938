"""The bodies of responses that wait for their readers: equal ones are kept once, all are bounded.

A response that is sent in one piece stays in memory until its reader has received it, and hundreds
of clients may read nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

from aiohttp import hdrs, web

__all__ = ["Unsent", "long_body", "send_in_pieces"]

_MIN_BYTES = 64 << 10
"""Size of a body that counts; the buffers of the system take most that are shorter."""

_MAX_BYTES = 64 << 20
"""Bytes of all bodies that wait, beyond which slow readers are disconnected."""

_PIECE_BYTES = 64 << 10
"""Size of one write of a body that is sent in pieces."""

_LOOK_INTERVAL_S = 1.0

_MIN_PROGRESS_BYTES = 32 << 10
"""Bytes that a reader must receive between two looks while there are too many: so many for each
multiple of the limit that is used, since thousands may read a little.
"""


def long_body(response: web.StreamResponse, request: web.BaseRequest) -> bytes | None:
    """Return the body of a response if it counts, and is to be sent as it is."""
    if not isinstance(response, web.Response) or request.method == hdrs.METH_HEAD:
        return None
    body = response.body
    if not isinstance(body, bytes) or len(body) < _MIN_BYTES:
        return None
    is_changed = response.prepared or response.compression or response.cookies
    return None if is_changed else body


async def send_in_pieces(
    response: web.Response, body: bytes, request: web.BaseRequest, tell: Callable[[int], None]
) -> web.StreamResponse:
    """Send the head of a response and its body as the client reads; return what was sent.

    *tell* is told how many bytes are to be written.

    The client may have left meanwhile.
    """
    stream = web.StreamResponse(
        status=response.status, reason=response.reason, headers=response.headers
    )
    stream.content_length = len(body)
    if response.keep_alive is False:
        stream.force_close()
    with suppress(ConnectionError):
        await stream.prepare(request)
        for at in range(0, len(body), _PIECE_BYTES):
            tell(max(0, len(body) - at - _PIECE_BYTES))
            await stream.write(body[at : at + _PIECE_BYTES])
    return stream


class Reader(Protocol):
    """A connection that receives a body."""

    @property
    def unsent_bytes(self) -> int:
        """Return the bytes that the system has not accepted."""

    def drop(self) -> None:
        """Close the connection at once."""


class _Body:
    """A body, and its readers with the bytes that each had not received at the last look."""

    __slots__ = ("data", "readers")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.readers: dict[Reader, int | None] = {}

    def is_stuck(self, least: int) -> bool:
        """Look at all readers; return whether none has received *least* bytes since then."""
        is_stuck = True
        for reader, before in self.readers.items():
            left = self.readers[reader] = reader.unsent_bytes
            if before is None or before - left >= least:
                is_stuck = False
        return is_stuck


class Unsent:
    """The bodies that wait for their readers, of at most *limit* bytes in all.

    Beyond the limit, the readers of the oldest bodies that receive almost nothing are disconnected.
    """

    def __init__(self, limit: int = _MAX_BYTES) -> None:
        self._limit = limit
        self._bodies: dict[_Body, None] = {}
        self._by_length: dict[int, _Body] = {}
        """The last body of each length; a new one that is equal is dropped in favor of it."""
        self._timer: asyncio.TimerHandle | None = None
        self.used = 0
        """The bytes of all bodies."""

    @contextmanager
    def sending(self, reader: Reader, data: bytes) -> Iterator[bytes]:
        """Count a body while *reader* receives it; yield the bytes to send, which are equal."""
        body = self._by_length.get(len(data))
        if body is None or body.data != data:
            body = self._by_length[len(data)] = _Body(data)
            self._bodies[body] = None
            self.used += len(data)
            self._check()
        # Only the body that is kept stays in memory.
        del data
        body.readers[reader] = None
        try:
            yield body.data
        finally:
            del body.readers[reader]
            if not body.readers:
                self._forget(body)

    def _forget(self, body: _Body) -> None:
        length = len(body.data)
        del self._bodies[body]
        self.used -= length
        if self._by_length.get(length) is body:
            del self._by_length[length]

    def _check(self) -> None:
        if self.used > self._limit and self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(_LOOK_INTERVAL_S, self._look)

    def _look(self) -> None:
        """Disconnect the readers of bodies that do not move on, until the others fit."""
        self._timer = None
        left = self.used
        least = _MIN_PROGRESS_BYTES * (self.used // self._limit)
        for body in [body for body in self._bodies if body.is_stuck(least)]:
            if left <= self._limit:
                break
            left -= len(body.data)
            for reader in list(body.readers):
                reader.drop()
        self._check()

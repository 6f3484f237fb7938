"""The bodies of responses that wait for their readers: equal ones are kept once, all are bounded.

A response that is sent in one piece stays in memory until its reader has received it, and hundreds
of clients may read nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from aiohttp import hdrs, web

from fluxapi.process.kept_bytes import Kept, KeptBytes

__all__ = ["Unsent", "long_body", "send_in_pieces"]

_MIN_BYTES = 64 << 10
"""Size of a body that counts; the buffers of the system take most that are shorter."""

_MAX_BYTES = 64 << 20
"""Bytes of all bodies that wait, beyond which slow readers are disconnected."""

_PIECE_BYTES = 64 << 10
"""Size of one write of a body that is sent in pieces."""


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


class Connection(Protocol):
    """A connection that receives a body."""

    @property
    def unsent_bytes(self) -> int:
        """Return the bytes that the system has not accepted."""

    def drop(self) -> None:
        """Close the connection at once."""


class _Body(Kept):
    """A body that waits for its readers."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        super().__init__(len(data))
        self.data = data


class Unsent:
    """The bodies that wait for their readers, of at most *limit* bytes in all.

    Beyond the limit, readers who receive almost nothing give way.
    """

    def __init__(self, limit: int = _MAX_BYTES) -> None:
        self._kept = KeptBytes(limit)
        self._by_length: dict[int, _Body] = {}
        """The last body of each length; a new one that is equal is dropped in favor of it."""

    @property
    def used(self) -> int:
        """Return the bytes of all bodies."""
        return self._kept.used

    def sending(self, connection: Connection, client: str, data: bytes) -> _Sending:
        """Return a context that counts a body while *client* receives it.

        Its value are the bytes to send, which are equal.
        """
        body = self._by_length.get(len(data))
        if body is None or body.data != data:
            body = self._by_length[len(data)] = _Body(data)
        return _Sending(self, connection, client, body)

    def begin(self, sending: _Sending) -> None:
        """Count a body for one more reader."""
        self._kept.add(sending.body, sending)

    def end(self, sending: _Sending) -> None:
        """Count a body for a reader no more."""
        body = sending.body
        self._kept.leave(body, sending)
        if not body.readers and self._by_length.get(body.size) is body:
            del self._by_length[body.size]


class _Sending:
    """A client that receives a body, while the context lasts."""

    __slots__ = ("_connection", "_unsent", "body", "client", "drop")

    def __init__(self, unsent: Unsent, connection: Connection, client: str, body: _Body) -> None:
        self.client = client
        self.drop = connection.drop
        self.body = body
        self._connection = connection
        self._unsent = unsent

    def __enter__(self) -> bytes:
        self._unsent.begin(self)
        return self.body.data

    def __exit__(self, *error: object) -> None:
        self._unsent.end(self)

    @property
    def unsent_bytes(self) -> int:
        """Return the bytes that the system has not accepted."""
        return self._connection.unsent_bytes

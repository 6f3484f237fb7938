"""All open streams: their number is limited, and they end with their credentials or the service."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

from fluxapi.errors import TooManyRequests, TooManyStreams
from fluxapi.model.message import problem
from fluxapi.process.admission import AdmissionLimiter

from .stream_writer import StreamWriter

__all__ = ["Connections", "Held", "Lease"]

End = Callable[[str], None]
"""Ends a stream; gets the reason, ``shutdown`` or ``expired``."""

_MAX_REVOKED = 10_000
"""Revoked grants that are remembered, since a request that was just admitted may open a stream."""

_RETRY_AFTER_S = 2.0

_RESERVED_PART = 10
"""The divisor of the limit for the streams that are reserved for clients with few of them."""

_FEW_STREAMS = 16
"""Streams that a client may open from the reserve: enough for some browser windows."""

_MAX_LEAVE_PER_PASS = 4
"""Connections whose subscriptions end in one pass of the event loop; one may have 128."""

_MAX_WAIT_S = 60.0
"""Time between two checks of the system clock, which may have been set meanwhile."""


class Lease(Protocol):
    """The credentials that a stream was opened with."""

    @property
    def expires(self) -> float | None:
        """The time at which they end, in seconds since the epoch; ``None``: never."""

    @property
    def grants(self) -> frozenset[str]:
        """The names of what they depend on."""


def _nothing() -> None:
    pass


class Held:
    """One stream that is open while the context lasts, with the credentials that keep it open."""

    __slots__ = ("_clients", "_connections", "_lease", "_timer", "end", "grants")

    def __init__(
        self, connections: Connections, end: End, lease: Lease | None, clients: Sequence[str]
    ) -> None:
        self.end = end
        self.grants: frozenset[str] = frozenset()
        self._connections = connections
        self._lease = lease
        self._clients = clients
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> Held:  # noqa: PYI034 - Self is not in 3.10
        self._connections.add(self, self._clients)
        if self._lease is not None:
            self.renew(self._lease)
        self._connections.end_if_over(self)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self._connections.discard(self, self._clients)

    def renew(self, lease: Lease) -> None:
        """Keep the stream open for as long as *lease* lasts."""
        self.close()
        self.grants = lease.grants
        if lease.expires is not None:
            loop = asyncio.get_running_loop()
            self._wait(loop, lease.expires, loop.time() + lease.expires - time.time())

    def close(self) -> None:
        """Stop waiting for the end of the credentials."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self, loop: asyncio.AbstractEventLoop, expires: float, deadline: float) -> None:
        """End the stream when either clock says so: that of the system may be set back."""
        left = min(expires - time.time(), deadline - loop.time())
        if self._timer is not None and left <= 0:
            self.end("expired")
            return
        # The first check is a callback, too, since the stream is not set up before that.
        delay = min(max(left, 0.0), _MAX_WAIT_S)
        self._timer = loop.call_later(delay, self._wait, loop, expires, deadline)


class Connections:
    """Open sockets and streams, at most ``limit``, and ``client_limit`` of one client.

    The last tenth of the limit is for clients that have few streams.

    Attributes:
        messages: Limits the messages of all clients that are answered in one pass of the event
            loop.
    """

    def __init__(self, limit: int, client_limit: int | None = None) -> None:
        self._limit = limit
        self._reserved = limit // _RESERVED_PART
        self._client_limit = limit if client_limit is None else client_limit
        self._clients: Counter[str] = Counter()
        self._owners: Counter[str] = Counter()
        """The streams of each token, login or named user, or of an address without any of them."""
        self._open: dict[Held, None] = {}
        self._revoked: dict[str, None] = {}
        self._closing = False
        self.messages = AdmissionLimiter()
        self._leaving = AdmissionLimiter(_MAX_LEAVE_PER_PASS)
        self.on_release: Callable[[], None] = _nothing
        """Called at the end of each stream."""

    def __len__(self) -> int:
        return len(self._open)

    def hold(self, end: End, lease: Lease | None = None, clients: Sequence[str] = ()) -> Held:
        """Count one stream while the context lasts; ``end`` is called when it has to end.

        It counts for each of ``clients``, too.
        """
        return Held(self, end, lease, clients)

    def add(self, held: Held, clients: Sequence[str]) -> None:
        """Count a stream; raises as :meth:`check`."""
        self.check(clients)
        self._open[held] = None
        self._clients.update(clients)
        self._owners.update(clients[-1:])

    def discard(self, held: Held, clients: Sequence[str]) -> None:
        """Stop counting a stream."""
        del self._open[held]
        _leave(self._clients, clients)
        _leave(self._owners, clients[-1:])
        self.on_release()

    def end_if_over(self, held: Held) -> None:
        """End a stream that begins when the service shuts down, or its grants are revoked."""
        if self._closing:
            held.end("shutdown")
        elif not self._revoked.keys().isdisjoint(held.grants):
            held.end("expired")

    def check(self, clients: Sequence[str] = ()) -> None:
        """Raise ``TooManyStreams`` when a limit is reached, ``TooManyRequests`` if of a client.

        The last one of *clients* is that of the token, login or named user, if there is one.
        """
        has_many = any(self._owners[owner] >= _FEW_STREAMS for owner in clients[-1:])
        if len(self._open) >= self._limit - self._reserved * has_many:
            raise TooManyStreams(problem("too_many_streams", limit=self._limit))
        if any(self._clients[client] >= self._client_limit for client in clients):
            raise TooManyRequests(
                problem("too_many_own_streams", limit=self._client_limit),
                retry_after=_RETRY_AFTER_S,
            )

    async def left(self, writer: StreamWriter) -> None:
        """Wait for a pass of the event loop in which few others leave, if the client is gone."""
        if writer.lost:
            await self._leaving.take()

    def revoke(self, grant: str) -> None:
        """End all streams whose credentials depend on *grant*, and any that opens later."""
        self._revoked[grant] = None
        if len(self._revoked) > _MAX_REVOKED:
            del self._revoked[next(iter(self._revoked))]
        for held in list(self._open):
            if grant in held.grants:
                held.end("expired")

    def close(self) -> None:
        """End all streams, and any that opens later, since the service shuts down."""
        self._closing = True
        for held in list(self._open):
            held.end("shutdown")


def _leave(counts: Counter[str], clients: Sequence[str]) -> None:
    """Count one stream less for each client."""
    for client in clients:
        counts[client] -= 1
        if not counts[client]:
            del counts[client]

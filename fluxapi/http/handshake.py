"""New connections, and those of TLS, which count to the limit from their first moment.

Event loops tell of a TLS connection after its handshake. A client that never begins one would take
a descriptor that counts to no limit.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from typing import cast

from fluxapi.process.timeout import within
from fluxapi.process.timeslice import TimeSlice
from fluxapi.process.turn_queue import work_for
from fluxapi.security.clients import THIS_MACHINE, peer_of

from .connection_limit import ConnectionLimit
from .rate_limits import PEER
from .tls_records import in_turns, limit_unread, protocol_of_loop

__all__ = ["begin_plain", "begin_tls"]

_HANDSHAKE_TIMEOUT_S = 15.0
"""Time that a connection may take for its handshake."""

_Create = Callable[[], asyncio.Protocol]


def _client_at(address: object) -> str:
    return PEER + (peer_of(address) or THIS_MACHINE)


class _Handshake(asyncio.Protocol):
    """A connection until its handshake is complete; then a protocol of *create* has it."""

    unread_since = None

    def __init__(self, sock: socket.socket, create: _Create, limit: ConnectionLimit | None) -> None:
        self._sock = sock
        self._create = create
        self._limit = limit
        self._waiting: asyncio.Task[None] | None = None

    @property
    def is_idle(self) -> bool:
        """Return that the service waits for the client."""
        return True

    def drop(self) -> None:
        """Close the connection at once: it waits no more, and its handshake fails."""
        if self._waiting is not None:
            self._waiting.cancel()
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Pass the connection on, which counts there from now on."""
        self._leave()
        limit_unread(transport)
        protocol = self._create()
        # Those of uvloop are transports, too, but not by their class.
        cast("asyncio.Transport", transport).set_protocol(protocol)
        protocol.connection_made(transport)

    async def run(self, context: ssl.SSLContext, address: object) -> None:
        """Make the handshake, if the limit permits another connection."""
        if self._limit is not None and not self._limit.admit(self, peer_of(address)):
            self._sock.close()
            return
        client = _client_at(address)
        # Thousands of connections of one address do not hold up a handshake of another.
        work_for(client)
        try:
            if await self._has_begun():
                await self._open(context, client)
            else:
                self._sock.close()
        except (OSError, asyncio.TimeoutError):
            # The client has left, is too slow, or speaks no TLS.
            self._sock.close()
        except asyncio.CancelledError:
            self._sock.close()
            raise
        finally:
            self._leave()

    async def _has_begun(self) -> bool:
        """Wait for the first byte, and then for a turn; return false if the client has left.

        Thousands of connections on which nothing arrives, or that end at once, take no turns.
        """
        self._waiting = asyncio.current_task()
        try:
            if self._first_byte() is None:
                await within(_HANDSHAKE_TIMEOUT_S, self._readable())
            if self._first_byte() == b"":
                return False
            # A handshake takes a millisecond, so one begins in each pass of the event loop.
            await TimeSlice(0).share()
        finally:
            self._waiting = None
        return self._first_byte() != b""

    def _first_byte(self) -> bytes | None:
        """Return the first byte without taking it: empty if the client has left before it."""
        with contextlib.suppress(BlockingIOError):
            return self._sock.recv(1, socket.MSG_PEEK)
        return None

    async def _readable(self) -> None:
        """Wait until something arrives, or the client leaves."""
        loop = asyncio.get_running_loop()
        is_readable = asyncio.Event()
        loop.add_reader(self._sock, is_readable.set)
        try:
            await is_readable.wait()
        finally:
            loop.remove_reader(self._sock)

    async def _open(self, context: ssl.SSLContext, client: str) -> None:
        loop = asyncio.get_running_loop()
        complete = loop.create_future()
        tls = protocol_of_loop(loop, self, context, complete, _HANDSHAKE_TIMEOUT_S)
        transport, _ = await loop.connect_accepted_socket(lambda: in_turns(tls, client), self._sock)
        try:
            await complete
        except BaseException:
            transport.abort()
            raise

    def _leave(self) -> None:
        if self._limit is not None:
            self._limit.leave(self)


async def begin_plain(create: _Create, sock: socket.socket, address: object) -> None:
    """Make a protocol of a connection that was accepted."""
    # Its requests have no turns of the service itself, whether or not they have credentials.
    work_for(_client_at(address))
    made: list[asyncio.Protocol] = []

    def make() -> asyncio.Protocol:
        made.append(create())
        return made[0]

    try:
        await asyncio.get_running_loop().connect_accepted_socket(make, sock)
    except OSError:
        sock.close()
    except asyncio.CancelledError:
        # The first request may have arrived in the same pass of the event loop.
        for protocol in made:
            _end(protocol)
        raise


def _end(protocol: asyncio.Protocol) -> None:
    """Tell a protocol that its connection is lost: uvloop has closed it without a word."""
    transport: asyncio.Transport | None = getattr(protocol, "transport", None)
    if transport is not None and not transport.is_closing():
        protocol.connection_lost(None)


async def begin_tls(
    create: _Create,
    context: ssl.SSLContext,
    limit: ConnectionLimit | None,
    sock: socket.socket,
    address: object,
) -> None:
    """Make a protocol of a connection after its handshake."""
    await _Handshake(sock, create, limit).run(context, address)

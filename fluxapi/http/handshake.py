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

from fluxapi.process.timeslice import TimeSlice
from fluxapi.security.clients import THIS_MACHINE, peer_of

from .connection_limit import ConnectionLimit
from .rate_limits import PEER
from .tls_records import in_turns, limit_unread, protocol_of_loop

__all__ = ["begin_plain", "begin_tls"]

_HANDSHAKE_TIMEOUT_S = 15.0
"""Time that a connection may take for its handshake."""

_Create = Callable[[], asyncio.Protocol]


class _Handshake(asyncio.Protocol):
    """A connection until its handshake is complete; then a protocol of *create* has it."""

    unread_since = None

    def __init__(self, sock: socket.socket, create: _Create, limit: ConnectionLimit | None) -> None:
        self._sock = sock
        self._create = create
        self._limit = limit

    @property
    def is_idle(self) -> bool:
        """Return that the service waits for the client."""
        return True

    def drop(self) -> None:
        """Close the connection at once: its handshake fails."""
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
        try:
            # A handshake takes a millisecond, so one begins in each pass of the event loop.
            await TimeSlice(0).share()
            await self._open(context, PEER + (peer_of(address) or THIS_MACHINE))
        except OSError:
            # The client has left, is too slow, or speaks no TLS.
            self._sock.close()
        finally:
            self._leave()

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


async def begin_plain(create: _Create, sock: socket.socket, _address: object) -> None:
    """Make a protocol of a connection that was accepted."""
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

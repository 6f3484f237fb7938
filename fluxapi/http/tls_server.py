"""A server of TLS connections that count to the limit from their first moment.

The servers of event loops tell of a connection after its handshake. A client that never begins
one would take a descriptor that counts to no limit, so this server accepts connections itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Callable
from typing import cast

from fluxapi.security.clients import peer_of

from .connection_limit import ConnectionLimit

__all__ = ["TlsServer"]

_log = logging.getLogger(__name__)

_HANDSHAKE_TIMEOUT_S = 15.0
"""Time that a connection may take for its handshake."""

_PAUSE_S = 1.0
"""Time without new connections after one could not be accepted, such as for a lack of memory."""

_Create = Callable[[], asyncio.Protocol]


class _Handshake(asyncio.Protocol):
    """A connection until its handshake is complete; then a protocol of *create* has it."""

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
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: self, self._sock, ssl=context, ssl_handshake_timeout=_HANDSHAKE_TIMEOUT_S
            )
        except OSError:
            # The client has left, is too slow, or speaks no TLS.
            self._sock.close()
        finally:
            self._leave()

    def _leave(self) -> None:
        if self._limit is not None:
            self._limit.leave(self)


class TlsServer:
    """The server of a socket that listens; it begins at once."""

    def __init__(
        self,
        sock: socket.socket,
        create: _Create,
        context: ssl.SSLContext,
        limit: ConnectionLimit | None,
    ) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._create = create
        self._context = context
        self._limit = limit
        self._handshakes: set[asyncio.Task[None]] = set()
        self._accepting = asyncio.get_running_loop().create_task(self._accept())

    def close(self) -> None:
        """Accept nothing more, and end the handshakes."""
        self._accepting.cancel()
        for task in self._handshakes:
            task.cancel()
        self._sock.close()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                sock, address = await loop.sock_accept(self._sock)
            except OSError as error:
                _log.warning("cannot accept a connection: %s", error.strerror)
                await asyncio.sleep(_PAUSE_S)
                continue
            task = loop.create_task(
                _Handshake(sock, self._create, self._limit).run(self._context, address)
            )
            self._handshakes.add(task)
            task.add_done_callback(self._handshakes.discard)
            # Connections that wait are accepted without a pause: let other tasks run.
            await asyncio.sleep(0)

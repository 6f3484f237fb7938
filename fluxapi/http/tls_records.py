"""The records of a connection of TLS, of which a few are decrypted at a time.

A record may have 22 bytes and take much more time than any other data of its size: one that updates
the keys (RFC 8446, section 4.6.3) takes 25 µs. uvloop reads up to 8 MiB of one connection in a pass
of the event loop, and decrypts all of it, so a client without credentials could hold up all others
for seconds.

This file uses the protocols by which event loops make TLS of a connection, which are not public:
``tests/attack/test_tls_records.py`` runs both.
"""

from __future__ import annotations

import asyncio
import ssl
from asyncio import sslproto
from typing import Any, Protocol

import uvloop.loop

from fluxapi.process.timeslice import TimeSlice
from fluxapi.process.turn_queue import work_for

__all__ = ["in_turns", "limit_unread", "protocol_of_loop"]

_READ_BYTES = 32 * 1024
"""Bytes that are read at once: two of the longest records."""

_FEW = 8
"""Records that are decrypted as soon as they are read; more than these wait for their turn."""

_IN_ONE_TURN = 32

_HEAD_BYTES = 5
"""A type, a version, and the length of what follows (RFC 8446, section 5.1)."""

_MOST_UNREAD, _FEWEST_UNREAD = 24 * 1024, 20 * 1024
"""Encrypted bytes that wait until the service reads on; nothing is read beyond the first number.

Reading goes on below the second number, which is more than a part of the longest record.
"""


class _Tls(Protocol):
    """The protocol of an event loop that makes TLS of a connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None: ...
    def connection_lost(self, exc: BaseException | None) -> None: ...
    def get_buffer(self, size: int) -> memoryview: ...
    def buffer_updated(self, size: int) -> None: ...
    def eof_received(self) -> bool | None: ...
    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...


def protocol_of_loop(
    loop: asyncio.AbstractEventLoop,
    protocol: asyncio.Protocol,
    context: ssl.SSLContext,
    waiter: asyncio.Future[None],
    timeout: float,
) -> Any:
    """Return the protocol by which *loop* makes TLS of a connection, on the side of the server.

    *protocol* is told of the connection after its handshake, which sets *waiter* and may take
    *timeout* seconds.
    """
    module: Any = uvloop.loop if isinstance(loop, uvloop.Loop) else sslproto
    return module.SSLProtocol(
        loop, protocol, context, waiter, server_side=True, ssl_handshake_timeout=timeout
    )


def in_turns(tls: Any, client: str) -> Any:
    """Return a protocol that passes what arrives from *client* on to *tls*, in turns.

    The one of asyncio before Python 3.11 has no buffer, and reads once in each pass.
    """
    return _TlsRecords(tls, client) if hasattr(tls, "get_buffer") else tls


def limit_unread(transport: Any) -> None:
    """Limit what waits on a connection of TLS while the service does not read.

    All of it is decrypted in one step once the service reads on.
    """
    if hasattr(transport, "set_read_buffer_limits"):
        transport.set_read_buffer_limits(_MOST_UNREAD, _FEWEST_UNREAD)


class _TlsRecords(asyncio.BufferedProtocol):
    """Passes what arrives from *client* on to *tls*: many small records in turns with others.

    Records that wait stay in the buffer of *tls*, and nothing more is read meanwhile.
    """

    def __init__(self, tls: _Tls, client: str) -> None:
        self._tls = tls
        self._client = client
        self._transport: Any = None
        self._filled = 0
        self._rest = 0
        self._waiting: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the handshake."""
        self._transport = transport
        self._tls.connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Drop what waits for its turn."""
        if self._waiting is not None:
            self._waiting.cancel()
        self._transport = None
        self._tls.connection_lost(exc)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return the place for what is read next."""
        return self._tls.get_buffer(max(sizehint, _READ_BYTES))[self._filled : _READ_BYTES]

    def buffer_updated(self, nbytes: int) -> None:
        """Pass a few records on, and have more wait for their turn."""
        self._filled += nbytes
        if self._pass_on(_FEW):
            return
        self._transport.pause_reading()
        self._waiting = asyncio.get_running_loop().create_task(self._pass_on_in_turns())

    def eof_received(self) -> bool | None:
        """Pass on that nothing more will arrive."""
        return self._tls.eof_received()

    def pause_writing(self) -> None:
        """Pass on that the client is behind."""
        self._tls.pause_writing()

    def resume_writing(self) -> None:
        """Pass on that the client has caught up."""
        self._tls.resume_writing()

    async def _pass_on_in_turns(self) -> None:
        work_for(self._client)
        is_done = False
        while not is_done:
            await TimeSlice(0).share()
            # TLS may stop reading because of the data that it is given now.
            self._transport.resume_reading()
            is_done = self._pass_on(_IN_ONE_TURN)
            if self._transport is None or self._transport.is_closing():
                break
            if not is_done and self._transport.is_reading():
                self._transport.pause_reading()
        self._waiting = None

    def _pass_on(self, most: int) -> bool:
        """Pass on what has arrived of the next *most* records; return whether that is all.

        If the service stops reading then, nothing is decrypted, so that all the rest is passed on.
        """
        end, is_all = self._end_of(most)
        self._give(end)
        transport = self._transport
        if not is_all and transport is not None and not transport.is_reading():
            end, is_all = self._end_of(_READ_BYTES)
            self._give(end)
        return is_all

    def _end_of(self, most: int) -> tuple[int, bool]:
        """Return where the next *most* records end in the buffer, and whether no more follow.

        The beginning of the head of a record waits for the rest of it.
        """
        view = self._tls.get_buffer(_READ_BYTES)
        at, records = self._rest, 0
        while at + _HEAD_BYTES <= self._filled and records < most:
            at += _HEAD_BYTES + (view[at + 3] << 8 | view[at + 4])
            records += 1
        end = min(at, self._filled)
        self._rest = at - end
        return end, end + _HEAD_BYTES > self._filled

    def _give(self, size: int) -> None:
        if size:
            self._tls.buffer_updated(size)
        view = self._tls.get_buffer(_READ_BYTES)
        view[: self._filled - size] = view[size : self._filled]
        self._filled -= size

"""One connection of libflux to the program behind a gate, and what passes between them."""

from __future__ import annotations

import errno
import select
import socket
import threading
from collections.abc import Callable

from .message_guard import MessageGuard

__all__ = ["Passage"]

_CHUNK_BYTES = 1 << 16
_MAX_WAITING_BYTES = 1 << 18
"""Bytes for one side that may wait; nothing is read for it beyond that."""

_GREETING = b"\0"
"""A broker sends one byte to each new client (src/common/librouter/usock.c)."""


def _nothing() -> None:
    """Do nothing."""


class Passage:
    """One connection of libflux, and that to the program behind the gate.

    The client is greeted at once. The program is connected to with the first bytes of the client,
    so a connection that is not used costs nothing. This is done in a thread of its own, since the
    file system with the socket may not answer anymore.

    Args:
        client: The connection of libflux.
        target: The path of the socket of the program.
        wake: Called, in any thread, once the program is connected to, or cannot be.

    Attributes:
        ended: True once nothing more can pass.
        problem: Why it has ended, if the program is to blame.
    """

    def __init__(
        self, client: socket.socket, target: str, wake: Callable[[], None] = _nothing
    ) -> None:
        client.setblocking(False)
        self.client = client
        self.server: socket.socket | None = None
        self.ended = False
        self.problem = ""
        self._target = target
        self._wake = wake
        self._connecting: threading.Thread | None = None
        self._lock = threading.Lock()
        self._is_closed = False
        self._guard = MessageGuard()
        self._is_greeted = False
        self._is_closing = False
        """True once one side has ended; the other side still gets what waits for it."""
        self._to_client = bytearray(_GREETING)
        self._to_server = bytearray()

    def watched(self) -> list[tuple[socket.socket, int]]:
        """Return the sockets that something is wanted of, with the events (poll(2))."""
        found = [(self.client, self._events(self._to_server, self._to_client))]
        if self.server is not None:
            found.append((self.server, self._events(self._to_client, self._to_server)))
        # poll(2) would return at once for a socket that has ended, and that nobody reads.
        return [(sock, events) for sock, events in found if events]

    def serve(self, ready: dict[int, int]) -> None:
        """Pass bytes on, after the *ready* events by descriptor."""
        if self._can_read(self.client, self._to_server, ready):
            self._to_server += self._read(self.client)
            if self._connecting is None and self._to_server:
                self._begin_to_connect()
        if self._can_read(self.server, self._to_client, ready):
            self._admit(self._read(self.server))
        self._write(self.client, self._to_client)
        self._write(self.server, self._to_server)
        if self._is_closing and not self._to_client and not self._to_server:
            self.ended = True

    def close(self) -> None:
        """Close both connections."""
        self.client.close()
        with self._lock:
            self._is_closed = True
            if self.server is not None:
                self.server.close()

    def _begin_to_connect(self) -> None:
        self._connecting = threading.Thread(target=self._connect, name="flux-connect", daemon=True)
        try:
            self._connecting.start()
        except RuntimeError as error:
            self._fail(str(error))

    def _connect(self) -> None:
        try:
            self._take_server(_connected(self._target))
        except OSError as error:
            full = error.errno == errno.EAGAIN
            self._fail("it accepts no connections" if full else str(error.strerror))
        self._wake()

    def _take_server(self, server: socket.socket) -> None:
        with self._lock:
            if self._is_closed:
                server.close()
            else:
                self.server = server

    def _admit(self, data: bytes) -> None:
        """Take bytes of the program."""
        if data and not self._is_greeted:
            if not data.startswith(_GREETING):
                self._fail("it refuses connections")
                return
            self._is_greeted = True
            data = data[len(_GREETING) :]
        try:
            self._guard.check(data)
        except ValueError as problem:
            self._fail(str(problem))
        else:
            self._to_client += data

    def _can_read(
        self, sock: socket.socket | None, inbound: bytearray, ready: dict[int, int]
    ) -> bool:
        if sock is None or self._is_closing or self.ended or len(inbound) >= _MAX_WAITING_BYTES:
            return False
        return bool(ready.get(sock.fileno(), 0) & ~select.POLLOUT)

    def _read(self, sock: socket.socket | None) -> bytes:
        """Return what has arrived; an end of one side is the end of both."""
        try:
            data = sock.recv(_CHUNK_BYTES) if sock is not None else b""
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:
            self._is_closing = True
        return data

    def _write(self, sock: socket.socket | None, waiting: bytearray) -> None:
        if sock is None or not waiting:
            return
        try:
            sent = sock.send(waiting[:_CHUNK_BYTES])
        except BlockingIOError:
            return
        except OSError:
            self.ended = True
        else:
            del waiting[:sent]

    def _fail(self, problem: str) -> None:
        self.problem = problem
        self.ended = True

    def _events(self, inbound: bytearray, outbound: bytearray) -> int:
        """Return the events of a socket whose bytes go to *inbound*, and which gets *outbound*."""
        wanted = select.POLLOUT if outbound else 0
        has_room = len(inbound) < _MAX_WAITING_BYTES and not self._is_closing
        return wanted | (select.POLLIN if has_room else 0)


def _connected(path: str) -> socket.socket:
    """Return a connection to the socket at *path*; raise ``OSError`` if there can be none."""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        server.setblocking(False)
        server.connect(path)
    except OSError:
        server.close()
        raise
    return server

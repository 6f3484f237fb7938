"""The thread through which all bytes from children go to libflux.

libflux waits without a limit for the greeting of a broker, and allocates memory for a message of
any size. So it never connects to a program that claims to be an instance: it connects to a Unix
socket of this process (a gate), which greets at once and passes on what :class:`.MessageGuard`
admits.
"""

from __future__ import annotations

import asyncio
import errno
import itertools
import logging
import os
import select
import shutil
import socket
import tempfile
import threading
from collections import deque
from pathlib import Path

from .message_guard import MessageGuard
from .wire import Wakeup

__all__ = ["Gate", "GateThread", "Passage"]

_log = logging.getLogger(__name__)

_MAX_PASSAGES = 8
"""Connections through one gate; a session has three."""

_CHUNK_BYTES = 1 << 16
_MAX_WAITING_BYTES = 1 << 18
"""Bytes for one side that may wait; nothing is read for it beyond that."""

_GREETING = b"\0"
"""A broker sends one byte to each new client (src/common/librouter/usock.c)."""


class Passage:
    """One connection of libflux, and that to the program behind the gate.

    The client is greeted at once. The program is connected to with the first bytes of the client,
    so a connection that is not used costs nothing.

    Attributes:
        ended: True once nothing more can pass.
        problem: Why it has ended, if the program is to blame.
    """

    def __init__(self, client: socket.socket, target: str) -> None:
        client.setblocking(False)
        self.client = client
        self.server: socket.socket | None = None
        self.ended = False
        self.problem = ""
        self._target = target
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
            if self.server is None and self._to_server:
                self._connect()
        if self._can_read(self.server, self._to_client, ready):
            self._admit(self._read(self.server))
        self._write(self.client, self._to_client)
        self._write(self.server, self._to_server)
        if self._is_closing and not self._to_client and not self._to_server:
            self.ended = True

    def close(self) -> None:
        """Close both connections."""
        self.client.close()
        if self.server is not None:
            self.server.close()

    def _connect(self) -> None:
        self.server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.server.setblocking(False)
        try:
            self.server.connect(self._target)
        except OSError as error:
            full = error.errno == errno.EAGAIN
            self._fail("it accepts no connections" if full else str(error.strerror))

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


class Gate:
    """A socket of this process that leads to one program.

    Attributes:
        uri: The address for libflux.
        problem: Why the last connection ended, if the program is to blame; or an empty text.
    """

    def __init__(self, target: str, path: Path, thread: GateThread) -> None:
        self.uri = f"local://{path}"
        self.problem = ""
        self.target = target
        self.path = path
        self.passages: set[Passage] = set()
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._thread = thread
        try:
            self.listener.bind(os.fspath(path))
            self.listener.listen(_MAX_PASSAGES)
            self.listener.setblocking(False)
        except OSError:
            self.listener.close()
            raise

    def shut(self) -> None:
        """Close the gate and its connections soon."""
        self._thread.shut(self)


class GateThread:
    """The gates to the children of one broker."""

    def __init__(self) -> None:
        self._wakeup = Wakeup()
        self._closing = threading.Event()
        self._added: deque[Gate] = deque()
        self._unwanted: deque[Gate] = deque()
        self._numbers = itertools.count(1)
        self._folder = ""
        self._lock = threading.Lock()
        """Is held while a gate is made, so that none is made in a folder that is removed."""
        # Only the thread uses the following attributes.
        self._gates: set[Gate] = set()
        self._poll = select.poll()
        self._watched: dict[int, int] = {}
        self._poll.register(self._wakeup.fileno(), select.POLLIN)
        self._thread = threading.Thread(target=self._run, name="flux-gate", daemon=True)
        self._thread.start()

    async def open(self, uri: str) -> Gate:
        """Return a gate to the socket of *uri*; raise ``OSError`` if none can be made."""
        return await asyncio.to_thread(self._make, uri.removeprefix("local://"))

    def shut(self, gate: Gate) -> None:
        """Close a gate soon."""
        self._unwanted.append(gate)
        self._wakeup.set()

    async def close(self, timeout: float) -> None:
        """Close all gates and end the thread within *timeout* seconds."""
        self._closing.set()
        self._wakeup.set()
        await asyncio.to_thread(self._thread.join, timeout)
        if not self._thread.is_alive():
            self._wakeup.close()

    def _make(self, target: str) -> Gate:
        with self._lock:
            if self._closing.is_set():
                raise OSError(errno.ESHUTDOWN, os.strerror(errno.ESHUTDOWN))
            self._folder = self._folder or tempfile.mkdtemp(prefix="fluxapi-")
            gate = Gate(target, Path(self._folder, str(next(self._numbers))), self)
            self._added.append(gate)
        self._wakeup.set()
        return gate

    def _run(self) -> None:
        try:
            while not self._closing.is_set():
                self._obey()
                self._watch()
                ready = dict(self._poll.poll())
                self._wakeup.clear()
                self._serve(ready)
        except Exception:  # noqa: BLE001 - nobody else would tell of it
            _log.exception("The thread that leads to nested instances failed.")
        finally:
            self._closing.set()
            with self._lock:
                self._obey()
                for gate in list(self._gates):
                    self._remove(gate)
                if self._folder:
                    shutil.rmtree(self._folder, ignore_errors=True)

    def _obey(self) -> None:
        while self._added:
            self._gates.add(self._added.popleft())
        while self._unwanted:
            self._remove(self._unwanted.popleft())

    def _watch(self) -> None:
        wanted = {gate.listener.fileno(): select.POLLIN for gate in self._gates}
        for gate in self._gates:
            for passage in gate.passages:
                wanted |= {sock.fileno(): events for sock, events in passage.watched()}
        for descriptor in self._watched.keys() - wanted.keys():
            self._poll.unregister(descriptor)
        for descriptor, events in wanted.items():
            if self._watched.get(descriptor) != events:
                self._poll.register(descriptor, events)
        self._watched = wanted

    def _serve(self, ready: dict[int, int]) -> None:
        for gate in self._gates:
            if gate.listener.fileno() in ready:
                _accept(gate)
            for passage in list(gate.passages):
                passage.serve(ready)
                if passage.ended:
                    _end(gate, passage)

    def _remove(self, gate: Gate) -> None:
        self._gates.discard(gate)
        for passage in list(gate.passages):
            _end(gate, passage)
        gate.listener.close()
        gate.path.unlink(missing_ok=True)


def _accept(gate: Gate) -> None:
    try:
        client, _ = gate.listener.accept()
    except OSError:
        return
    if len(gate.passages) >= _MAX_PASSAGES:
        client.close()
        return
    gate.passages.add(Passage(client, gate.target))


def _end(gate: Gate, passage: Passage) -> None:
    if passage.problem:
        gate.problem = passage.problem
    gate.passages.discard(passage)
    passage.close()

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
import tempfile
import threading
from collections import deque
from pathlib import Path

from .passage import Passage
from .polling_thread import PollingThread, listen

__all__ = ["Gate", "GateThread"]

_log = logging.getLogger(__name__)

_MAX_PASSAGES = 8
"""Connections through one gate; a session has three."""


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
        self.listener = listen(path, _MAX_PASSAGES)
        self._thread = thread

    def shut(self) -> None:
        """Close the gate and its connections soon."""
        self._thread.shut(self)


class GateThread(PollingThread):
    """The gates to the children of one broker."""

    def __init__(self) -> None:
        super().__init__("flux-gate")
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
        self._thread.start()

    async def open(self, uri: str) -> Gate:
        """Return a gate to the socket of *uri*; raise ``OSError`` if none can be made."""
        making = asyncio.ensure_future(asyncio.to_thread(self._make, uri.removeprefix("local://")))
        try:
            return await asyncio.shield(making)
        except asyncio.CancelledError:
            making.add_done_callback(self._drop)
            raise

    def _drop(self, making: asyncio.Future[Gate]) -> None:
        """Close a gate that nobody waits for anymore."""
        if not making.cancelled() and making.exception() is None:
            self.shut(making.result())

    def shut(self, gate: Gate) -> None:
        """Close a gate soon."""
        self._unwanted.append(gate)
        self._wakeup.set()

    def _make(self, target: str) -> Gate:
        with self._lock:
            if self._closing.is_set():
                raise OSError(errno.ESHUTDOWN, os.strerror(errno.ESHUTDOWN))
            # Something may have cleaned the folder for temporary files.
            if not (self._folder and Path(self._folder).is_dir()):
                self._folder = tempfile.mkdtemp(prefix="fluxapi-")
            gate = Gate(target, Path(self._folder, str(next(self._numbers))), self)
            self._added.append(gate)
        self._wakeup.set()
        return gate

    def _run(self) -> None:
        try:
            while not self._closing.is_set():
                self._obey()
                pause = self._until_accept()
                self._watch(accepts=not pause)
                ready = dict(self._poll.poll(pause * 1000 or None))
                self._wakeup.clear()
                self._serve(ready)
        except Exception:  # noqa: BLE001 - nobody else would tell of it
            _log.exception("the thread that connects to nested instances failed")
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

    def _watch(self, *, accepts: bool) -> None:
        listeners = self._gates if accepts else ()
        wanted = {gate.listener.fileno(): select.POLLIN for gate in listeners}
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
                self._accept(gate)
            for passage in list(gate.passages):
                passage.serve(ready)
                if passage.ended:
                    _end(gate, passage)

    def _accept(self, gate: Gate) -> None:
        client = self._accept_client(gate.listener)
        if client is None:
            return
        if len(gate.passages) >= _MAX_PASSAGES:
            client.close()
            return
        gate.passages.add(Passage(client, gate.target, self._wakeup.set))

    def _remove(self, gate: Gate) -> None:
        self._gates.discard(gate)
        for passage in list(gate.passages):
            _end(gate, passage)
        gate.listener.close()
        gate.path.unlink(missing_ok=True)


def _end(gate: Gate, passage: Passage) -> None:
    if passage.problem:
        gate.problem = passage.problem
    gate.passages.discard(passage)
    passage.close()

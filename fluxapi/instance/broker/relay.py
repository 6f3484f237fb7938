"""The thread that leads to the children of a broker through this broker.

For each child it offers a Unix socket of this process (a door). A program that connects to a door
speaks to the broker of the child: see :mod:`.channel`. So libflux needs neither ssh nor a socket of
the child on this machine.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import select
import shutil
import socket
import tempfile
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from fluxapi.errors import InstanceUnavailable
from fluxapi.process.timeout import within

from . import refusal
from .channel import Channel
from .child_uri import Address
from .outbox import Outbox
from .polling_thread import PollingThread, listen
from .wire import Connection

__all__ = ["Door", "RelayThread"]

_log = logging.getLogger(__name__)

_SLICE_MESSAGES = 64
"""Responses that are processed before the clients are served."""

_MAX_CHANNELS = 8
"""Connections through one door; a session has three."""

_IDLE_TIMEOUT_S = 3600.0
_RECONNECT_PAUSE_S = 1.0


class Door:
    """A socket of this process that leads to the broker of one child.

    Attributes:
        uri: The address for libflux.
        problem: Why the last connection ended, or an empty text.
        shut: Closes the door and its connections.
    """

    def __init__(
        self,
        address: Address,
        path: Path,
        listener: socket.socket,
        shut: Callable[[Door], None],
    ) -> None:
        self.address = address
        self.shut: Callable[[], None] = partial(shut, self)
        self.uri = f"local://{path}"
        self.problem = ""
        self.path = path
        self.listener = listener
        self.channels: set[Channel] = set()


class RelayThread(PollingThread):
    """The doors to the children of the broker at ``uri``; ``timeout`` limits the connection."""

    def __init__(self, bindings: Any, uri: str | None, timeout: float) -> None:
        super().__init__("flux-relay")
        self._bindings = bindings
        self._uri = uri
        self._timeout = timeout
        self._outbox = Outbox(asyncio.get_running_loop())
        self._wanted: deque[tuple[Address, asyncio.Future[Door]]] = deque()
        self._unwanted: deque[Door] = deque()
        # Only the thread uses the following attributes.
        self._folder = ""
        self._connection: Connection | None = None
        self._numbers = itertools.count(1)
        self._doors: set[Door] = set()
        self._channels: dict[int, tuple[Channel, Door]] = {}
        self._requests: deque[tuple[bytes, bytes, int, bool, int]] = deque()
        self._watched: dict[int, int] = {}
        """The events of each descriptor that the connection watches."""
        self._thread.start()

    async def open(self, address: Address) -> Door:
        """Return a new door; raise ``InstanceUnavailable`` if there can be none."""
        found: asyncio.Future[Door] = asyncio.get_running_loop().create_future()
        self._wanted.append((address, found))
        if self._closing.is_set():
            raise refusal.lost("it was closed")
        self._wakeup.set()
        try:
            return await within(self._timeout, found)
        except asyncio.TimeoutError:
            raise refusal.silent(self._timeout) from None

    def _shut(self, door: Door) -> None:
        self._unwanted.append(door)
        self._wakeup.set()

    def _run(self) -> None:
        try:
            self._folder = tempfile.mkdtemp(prefix="fluxapi-")
            while not self._closing.is_set():
                self._connect()
        except OSError as error:
            _log.error("the children cannot be reached through the parent: %s", error.strerror)
        except Exception:  # noqa: BLE001 - nobody else would tell of it
            _log.exception("the Flux relay thread failed")
        finally:
            self._closing.set()
            for door in list(self._doors):
                self._remove(door)
            self._refuse_wanted(refusal.lost("it was closed"))
            shutil.rmtree(self._folder, ignore_errors=True)

    def _connect(self) -> None:
        """Connect to the parent and serve the doors until it is lost."""
        connection: Connection | None = None
        try:
            connection = self._connection = Connection(self._bindings, self._uri, self._timeout)
            connection.wake_by(self._wakeup)
            self._serve(connection)
        except OSError as error:
            lost = refusal.lost(error.strerror or str(error))
            self._refuse_wanted(lost)
            for door in self._doors:
                door.problem = lost.detail
        finally:
            self._connection = None
            self._watched.clear()
            for channel, door in list(self._channels.values()):
                self._end(channel, door)
            self._requests.clear()
            if connection is not None:
                connection.close()
        if not self._closing.is_set():
            self._wakeup.wait(_RECONNECT_PAUSE_S)
            self._wakeup.clear()

    def _serve(self, connection: Connection) -> None:
        while not self._closing.is_set():
            self._obey()
            busy = self._receive(connection)
            self._send(connection)
            self._outbox.hand_over()
            pause = self._until_accept()
            self._watch(connection, accepts=not pause)
            ready = connection.wait(0 if busy else pause or _IDLE_TIMEOUT_S)
            self._wakeup.clear()
            self._serve_clients(dict(ready))

    def _obey(self) -> None:
        """Open and close the doors that the event loop has asked for."""
        while self._wanted:
            address, future = self._wanted.popleft()
            try:
                door = self._make(address)
            except OSError as error:
                problem = InstanceUnavailable(f"No socket can be made: {error.strerror or error}.")
                self._outbox.post(_reject, (future, problem))
            else:
                self._outbox.post(_settle, (future, door))
        while self._unwanted:
            self._remove(self._unwanted.popleft())

    def _make(self, address: Address) -> Door:
        path = Path(self._folder, str(next(self._numbers)))
        listener = listen(path, _MAX_CHANNELS)
        door = Door(address, path, listener, self._shut)
        self._doors.add(door)
        return door

    def _remove(self, door: Door) -> None:
        if door not in self._doors:
            return
        self._doors.discard(door)
        for channel in list(door.channels):
            self._end(channel, door)
        self._forget(door.listener)
        door.listener.close()
        door.path.unlink(missing_ok=True)

    def _refuse_wanted(self, error: InstanceUnavailable) -> None:
        while self._wanted:
            _, future = self._wanted.popleft()
            self._outbox.post(_reject, (future, error))
        self._outbox.hand_over()

    def _receive(self, connection: Connection) -> bool:
        """Take responses; return whether there may be more."""
        for _ in range(_SLICE_MESSAGES):
            message = connection.receive()
            if message is None:
                return False
            found = self._channels.get(message.tag)
            if found is None:
                continue
            channel, door = found
            reason = ""
            if message.error:
                reason = refusal.error_for(message.error, message.payload).detail
            channel.answer(message.error, message.payload, reason)
            if channel.ended:
                self._end(channel, door)
        return True

    def _send(self, connection: Connection) -> None:
        while connection.flush() and self._requests:
            topic, payload, tag, streaming, rank = self._requests.popleft()
            connection.request(topic, payload, tag, streaming=streaming, node=rank)

    def _watch(self, connection: Connection, *, accepts: bool) -> None:
        """Tell the connection the descriptors of the doors and their clients."""
        wanted = {door.listener.fileno(): select.POLLIN * accepts for door in self._doors}
        for channel, _ in self._channels.values():
            # A broker that takes no more requests gets none.
            events = channel.events & (~select.POLLIN if self._requests else ~0)
            wanted[channel.client.fileno()] = events
        for descriptor, events in wanted.items():
            if self._watched.get(descriptor) != events:
                connection.watch(descriptor, events)
        self._watched = wanted

    def _serve_clients(self, ready: dict[int, int]) -> None:
        for door in list(self._doors):
            if door.listener.fileno() in ready:
                self._accept(door)
        for channel, door in list(self._channels.values()):
            events = ready.get(channel.client.fileno(), 0)
            if events:
                channel.serve(events)
            if channel.ended:
                self._end(channel, door)

    def _accept(self, door: Door) -> None:
        client = self._accept_client(door.listener)
        if client is None:
            return
        if len(door.channels) >= _MAX_CHANNELS:
            client.close()
            return

        def send(topic: bytes, payload: bytes, tag: int, *, streaming: bool = False) -> None:
            self._requests.append((topic, payload, tag, streaming, door.address.rank))

        channel = Channel(client, door.address, next(self._numbers), send)
        door.channels.add(channel)
        self._channels[channel.tag] = (channel, door)

    def _end(self, channel: Channel, door: Door) -> None:
        if self._channels.pop(channel.tag, None) is None:
            return
        if channel.problem:
            door.problem = channel.problem
        door.channels.discard(channel)
        self._forget(channel.client)
        channel.close()

    def _forget(self, closing: socket.socket) -> None:
        """Stop to watch a socket, before it is closed."""
        watched = self._watched.pop(closing.fileno(), None)
        if watched is not None and self._connection is not None:
            self._connection.forget(closing.fileno())


def _settle(result: tuple[asyncio.Future[Door], Door]) -> None:
    future, door = result
    if future.done():
        # Nobody waits for it anymore.
        door.shut()
    else:
        future.set_result(door)


def _reject(result: tuple[asyncio.Future[Door], Exception]) -> None:
    future, error = result
    if not future.done():
        future.set_exception(error)

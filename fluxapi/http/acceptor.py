"""Accept connections, many in one pass of the event loop.

uvloop accepts one connection of a socket in each pass. While requests keep each pass busy for some
milliseconds, the last of hundreds of new connections would wait for seconds.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Callable, Coroutine

from fluxapi.process.timeslice import SLICE_S

__all__ = ["Acceptor"]

_log = logging.getLogger(__name__)

_PAUSE_S = 1.0
"""Time without new connections after one could not be accepted, such as for a lack of memory."""

_MAX_PER_PASS = 32
"""Connections that are accepted in one pass; the work that each causes follows in the next one."""

_Begin = Callable[[socket.socket, object], Coroutine[object, object, None]]


class Acceptor:
    """Accepts the connections of a socket that listens, from now on.

    *begin* makes a protocol of each: it gets the socket and the address of the peer, and runs as a
    task.
    """

    def __init__(self, sock: socket.socket, begin: _Begin) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._begin = begin
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._pause: asyncio.TimerHandle | None = None
        self._loop.add_reader(sock, self._accept)

    def close(self) -> None:
        """Accept nothing more, and cancel the tasks that are not done."""
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._sock)
        for task in self._tasks:
            task.cancel()
        self._sock.close()

    def _accept(self) -> None:
        """Accept connections that wait, in one time slice."""
        end = time.perf_counter() + SLICE_S
        for _ in range(_MAX_PER_PASS):
            try:
                sock, address = self._sock.accept()
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionAbortedError:
                continue  # The client has left.
            except OSError as error:
                _log.warning("cannot accept a connection: %s", error.strerror)
                self._loop.remove_reader(self._sock)
                self._pause = self._loop.call_later(_PAUSE_S, self._resume)
                return
            sock.setblocking(False)
            task = self._loop.create_task(self._begin(sock, address))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            if time.perf_counter() >= end:
                return

    def _resume(self) -> None:
        self._pause = None
        self._loop.add_reader(self._sock, self._accept)

"""A thread that waits for descriptors until another thread wakes it."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
import time
from abc import ABC, abstractmethod
from pathlib import Path

from .wire import Wakeup

__all__ = ["ACCEPT_PAUSE_S", "PollingThread", "listen"]

_log = logging.getLogger(__name__)

ACCEPT_PAUSE_S = 0.5
"""Time without new connections after one could not be accepted, such as for lack of descriptors."""


class PollingThread(ABC):
    """The thread of an object whose other methods run in the event loop.

    A subclass calls ``self._thread.start()`` once it has all of its attributes.
    """

    def __init__(self, name: str) -> None:
        self._wakeup = Wakeup()
        self._closing = threading.Event()
        self._accepts_from = 0.0
        """The time (monotonic) before which no connection is accepted; only the thread uses it."""
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @abstractmethod
    def _run(self) -> None:
        """Do the work of the thread until ``_closing`` is set, and clean up."""

    def _until_accept(self) -> float:
        """Return the seconds until connections are accepted again, 0 if they are now."""
        return max(self._accepts_from - time.monotonic(), 0.0)

    def _accept_client(self, listener: socket.socket) -> socket.socket | None:
        """Return a new connection of libflux; if none can be had, log why and pause."""
        try:
            client, _ = listener.accept()
        except BlockingIOError:
            return None
        except OSError as error:
            _log.warning("cannot accept a connection of libflux: %s", error.strerror)
            self._accepts_from = time.monotonic() + ACCEPT_PAUSE_S
            return None
        return client

    @property
    def has_ended(self) -> bool:
        """True once the thread has ended, by itself or by :meth:`close`."""
        return not self._thread.is_alive()

    async def close(self, timeout: float) -> None:
        """End the thread, with all that it holds, within *timeout* seconds."""
        self._closing.set()
        self._wakeup.set()
        await asyncio.to_thread(self._thread.join, timeout)
        if self.has_ended:
            self._wakeup.close()


def listen(path: Path, backlog: int) -> socket.socket:
    """Return a non-blocking Unix socket that listens at *path*; raise ``OSError`` if none can."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(os.fspath(path))
        listener.listen(backlog)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener

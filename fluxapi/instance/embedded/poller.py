"""One epoll for all pipes and processes of jobs, registered as one reader of the event loop.

To register a descriptor here takes one system call; in the event loop, it takes a handle object and
several calls.
"""

from __future__ import annotations

import asyncio
import logging
import select
from collections.abc import Callable

__all__ = ["Poller"]

_log = logging.getLogger(__name__)
_MAX_EVENTS = 64
"""Descriptors per pass of the event loop, so that much output does not block it."""


class Poller:
    """A level-triggered poller that calls back on the running loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._epoll = select.epoll()
        self._callbacks: dict[int, Callable[[], None]] = {}
        self._loop.add_reader(self._epoll.fileno(), self._serve)

    def add(self, fd: int, callback: Callable[[], None]) -> None:
        """Call *callback* whenever *fd* is readable or at its end."""
        self._callbacks[fd] = callback
        self._epoll.register(fd, select.EPOLLIN)

    def remove(self, fd: int) -> None:
        """Remove *fd*; call this before it is closed."""
        if self._callbacks.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def close(self) -> None:
        """Remove all descriptors."""
        self._loop.remove_reader(self._epoll.fileno())
        self._callbacks.clear()
        self._epoll.close()

    def _serve(self) -> None:
        for fd, _ in self._epoll.poll(0, _MAX_EVENTS):
            callback = self._callbacks.get(fd)
            if callback is None:
                continue
            try:
                callback()
            except Exception:  # noqa: BLE001 - see below
                # An error of one job must not stop the others, nor repeat forever.
                _log.exception("descriptor %d", fd)
                self.remove(fd)

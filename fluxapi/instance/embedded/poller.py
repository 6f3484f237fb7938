"""One epoll for every pipe and process of every job, itself a single reader of the event loop.

Registering a descriptor here is one system call; with the loop it is a handle object and several.
"""

from __future__ import annotations

import asyncio
import logging
import select
from collections.abc import Callable

__all__ = ["Poller"]

_log = logging.getLogger(__name__)
_BATCH = 64
"""Descriptors served in one turn of the loop, so that a flood of output leaves it time."""


class Poller:
    """Calls back when descriptors are readable, level-triggered, on the running loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._epoll = select.epoll()
        self._callbacks: dict[int, Callable[[], None]] = {}
        self._loop.add_reader(self._epoll.fileno(), self._serve)

    def add(self, fd: int, callback: Callable[[], None]) -> None:
        """Call ``callback`` whenever ``fd`` is readable or at its end."""
        self._callbacks[fd] = callback
        self._epoll.register(fd, select.EPOLLIN)

    def remove(self, fd: int) -> None:
        """Forget ``fd``; call this before it is closed."""
        if self._callbacks.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def close(self) -> None:
        """Forget everything."""
        self._loop.remove_reader(self._epoll.fileno())
        self._callbacks.clear()
        self._epoll.close()

    def _serve(self) -> None:
        for fd, _ in self._epoll.poll(0, _BATCH):
            callback = self._callbacks.get(fd)
            if callback is None:
                continue
            try:
                callback()
            except Exception:  # noqa: BLE001 - see below
                # One job's trouble must not stop the others, nor spin on its descriptor.
                _log.exception("descriptor %d", fd)
                self.remove(fd)

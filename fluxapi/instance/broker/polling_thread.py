"""A thread that waits for descriptors until another thread wakes it."""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod

from .wire import Wakeup

__all__ = ["ACCEPT_PAUSE_S", "PollingThread"]

ACCEPT_PAUSE_S = 0.5
"""Time without new connections after one could not be accepted, such as for lack of descriptors."""


class PollingThread(ABC):
    """The thread of an object whose other methods run in the event loop.

    A subclass calls ``self._thread.start()`` once it has all of its attributes.
    """

    def __init__(self, name: str) -> None:
        self._wakeup = Wakeup()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @abstractmethod
    def _run(self) -> None:
        """Do the work of the thread until ``_closing`` is set, and clean up."""

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

"""Timers by the wall clock, which may be set, or go on while the machine sleeps."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass

from sortedcontainers import SortedDict

__all__ = ["WallTimer", "WallTimers"]

_CHECK_S = 30
"""Seconds after which a changed clock is noticed."""

_SLICE_TIMERS = 32
"""Timers that run in one pass of the event loop."""


class WallTimers:
    """Calls at moments of the wall clock, all of which share one timer of the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._serial = itertools.count()
        self._waiting: SortedDict[tuple[float, int], Callable[[], None]] = SortedDict()
        self._handle: asyncio.TimerHandle | None = None

    def call_at(self, moment: float, call: Callable[[], None]) -> WallTimer:
        """Call *call* at *moment*, in seconds since the epoch, or at once if that has passed."""
        key = (moment, next(self._serial))
        self._waiting[key] = call
        if self._waiting.keys()[0] == key:
            self._wait()
        return WallTimer(self, key)

    def cancel(self, key: tuple[float, int]) -> None:
        """Cancel the timer of *key* if it has not run."""
        if self._waiting.pop(key, None) is not None and not self._waiting:
            self._wait()

    def _wait(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        if self._waiting:
            left = self._waiting.keys()[0][0] - time.time()
            self._handle = self._loop.call_later(max(0.0, min(left, _CHECK_S)), self._run)

    def _run(self) -> None:
        now = time.time()
        try:
            for _ in range(_SLICE_TIMERS):
                if not self._waiting or self._waiting.keys()[0][0] > now:
                    break
                self._waiting.popitem(0)[1]()
        finally:
            self._wait()


@dataclass(frozen=True, slots=True)
class WallTimer:
    """One call that waits."""

    timers: WallTimers
    key: tuple[float, int]

    def cancel(self) -> None:
        """Cancel the call, if it was not made."""
        self.timers.cancel(self.key)

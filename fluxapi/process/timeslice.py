"""Time slices for loops over untrusted input, the cost of whose steps is not known."""

from __future__ import annotations

import asyncio
import time

__all__ = ["SLICE_S", "TimeSlice"]

SLICE_S = 0.003
"""Seconds that a loop may run before it yields to other tasks."""


class TimeSlice:
    """The time that one loop may run before it yields to the event loop."""

    def __init__(self, seconds: float = SLICE_S) -> None:
        self._seconds = seconds
        self._end = time.perf_counter() + seconds

    async def share(self) -> None:
        """Yield to the event loop if the time is up; call this once per step."""
        if time.perf_counter() >= self._end:
            await asyncio.sleep(0)
            self._end = time.perf_counter() + self._seconds

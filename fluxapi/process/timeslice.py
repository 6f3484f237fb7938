"""Loops over a stranger's input: by time, since what one step costs is up to the stranger."""

from __future__ import annotations

import asyncio
import time

__all__ = ["SLICE_S", "TimeSlice"]

SLICE_S = 0.003
"""Seconds that a loop may run before others get their turn."""


class TimeSlice:
    """The time that one loop has until it gives way to others."""

    def __init__(self, seconds: float = SLICE_S) -> None:
        self._seconds = seconds
        self._end = time.perf_counter() + seconds

    async def share(self) -> None:
        """Give the event loop its turn if the time is up; call it once a step."""
        if time.perf_counter() >= self._end:
            await asyncio.sleep(0)
            self._end = time.perf_counter() + self._seconds

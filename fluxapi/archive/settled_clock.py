"""The clock of the machine without its leaps ahead: what is dropped by it cannot be got back."""

from __future__ import annotations

import math

__all__ = ["SettledClock"]

_SETTLE_S = 600.0
"""Seconds for which a clock must not have been further back."""


class SettledClock:
    """The time that the clock has told for some minutes, or an earlier one."""

    def __init__(self) -> None:
        self._least_before, self._least = -math.inf, math.inf
        """The least difference to the monotonic time: of the minutes before, and since then."""
        self._ends = math.inf

    def time(self, now: float, passed: float) -> float:
        """Return the time, which is endlessly long ago for the first minutes.

        Args:
            now: The time by the clock, seconds since the epoch.
            passed: The monotonic time in seconds.
        """
        if passed >= self._ends:
            self._least_before, self._least = self._least, math.inf
        if self._least == math.inf:
            self._ends = passed + _SETTLE_S
        self._least = min(self._least, now - passed)
        return min(self._least_before, self._least) + passed

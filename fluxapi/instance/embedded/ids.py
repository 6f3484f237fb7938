"""Generates job IDs as Flux does: RFC 19 FLUIDs of one generator."""

from __future__ import annotations

import time

__all__ = ["MAX_ID", "IdSource"]

MAX_ID = (1 << 63) - (1 << 40)
"""Job IDs are below this for the first 17 years; SQLite stores 63 bits, and new IDs need room."""

_TIME_SHIFT = 24
"""A FLUID is 40 bits of milliseconds, 14 bits of generator ID (0 here), 10 bits of sequence."""

_LAST_SEQUENCE = 1023
_SEQUENCE_MASK = 1023


class IdSource:
    """A generator of ascending IDs, even if the clock steps back or the service restarts.

    ``epoch`` is the start of the instance in seconds since 1970; ``last`` is the greatest ID that
    was ever generated (0 for none).
    """

    def __init__(self, epoch: float, last: int = 0) -> None:
        self.epoch = epoch
        self._last = last

    def next(self) -> int:
        """Return a new ID, greater than all before it."""
        milliseconds = max(1, int((time.time() - self.epoch) * 1000))
        of_time = milliseconds << _TIME_SHIFT
        # A clock that is so far ahead is wrong, and no job with such an ID can be stored.
        self._last = max(of_time if of_time < MAX_ID else 0, self._successor())
        return self._last

    def _successor(self) -> int:
        # More than 1024 IDs in a millisecond use the next milliseconds instead of waiting.
        if self._last & _SEQUENCE_MASK == _LAST_SEQUENCE:
            return ((self._last >> _TIME_SHIFT) + 1) << _TIME_SHIFT
        return self._last + 1

"""Job ids as Flux makes them: RFC 19 FLUIDs of one generator."""

from __future__ import annotations

import time

__all__ = ["IdSource"]

_TIME_SHIFT = 24
"""A FLUID is 40 bits of milliseconds, 14 bits of generator id (0 here), 10 bits of sequence."""

_LAST_SEQUENCE = 1023
_SEQUENCE_MASK = 1023


class IdSource:
    """Ids that only grow, also over a clock that steps back and over a restart.

    ``epoch`` is the moment, in seconds since 1970, that the instance began; ``last`` is the
    greatest id that was ever given out (0 for none).
    """

    def __init__(self, epoch: float, last: int = 0) -> None:
        self.epoch = epoch
        self._last = last

    def next(self) -> int:
        """A new id, greater than all before it."""
        milliseconds = max(1, int((time.time() - self.epoch) * 1000))
        self._last = max(milliseconds << _TIME_SHIFT, self._successor())
        return self._last

    def _successor(self) -> int:
        # More than 1024 ids in a millisecond borrow from the next ones instead of waiting.
        if self._last & _SEQUENCE_MASK == _LAST_SEQUENCE:
            return ((self._last >> _TIME_SHIFT) + 1) << _TIME_SHIFT
        return self._last + 1

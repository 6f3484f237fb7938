"""The pause between two looks through all jobs, for a limit that is reached."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["PacedLook"]

_SLOW_S = 0.001
_PAUSES = 50
"""After a slow look, none is made for this many times as long."""


class PacedLook:
    """Looks that take at most a fiftieth of the time, however many requests ask for them."""

    def __init__(self) -> None:
        self._from = 0.0
        """When the next look may begin, by the monotonic clock."""

    @property
    def is_due(self) -> bool:
        """Return whether a look may begin now."""
        return time.monotonic() >= self._from

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Measure a look, which ends with the context."""
        # The thread may wait for the processor meanwhile, which says nothing of the look.
        began = time.thread_time()
        yield
        taken = time.thread_time() - began
        if taken > _SLOW_S:
            self._from = time.monotonic() + _PAUSES * taken

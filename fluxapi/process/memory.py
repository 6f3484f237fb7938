"""Return freed memory to the system.

glibc keeps what many small objects leave between those that live, so after a body of megabytes the
process would stay as large as that body made it.
"""

from __future__ import annotations

import asyncio
import ctypes
from collections.abc import Callable

__all__ = ["LARGE_BYTES", "HeapTrimmer"]

LARGE_BYTES = 1 << 20
"""Size of a body after which the heap is trimmed."""

_INTERVAL_S = 5.0
_ROUNDS = 6
"""Trims after the last large body, since its jobs go on for a while; each takes milliseconds."""


class HeapTrimmer:
    """Trims the heap a few times after each large body, once for the bodies of a burst."""

    def __init__(self) -> None:
        # Other C libraries have no such function.
        self._trim: Callable[[int], object] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
        self._rounds = 0
        self._timer: asyncio.TimerHandle | None = None

    def after_large_body(self) -> None:
        """Trim the heap in the next seconds, in a thread."""
        self._rounds = _ROUNDS
        if self._trim is not None and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_INTERVAL_S, self._round)

    def close(self) -> None:
        """Forget the trims that have not begun."""
        if self._timer is not None:
            self._timer.cancel()

    def _round(self) -> None:
        loop = asyncio.get_running_loop()
        self._rounds -= 1
        self._timer = loop.call_later(_INTERVAL_S, self._round) if self._rounds else None
        if self._trim is not None:
            # ctypes releases the interpreter lock meanwhile.
            loop.run_in_executor(None, self._trim, 0)

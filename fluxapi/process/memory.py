"""Return freed memory to the system.

glibc keeps what many small objects leave between those that live, so after a body or an output of
megabytes the process would stay as large as that made it.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
from collections.abc import Callable
from pathlib import Path

__all__ = ["LARGE_BYTES", "HeapTrimmer"]

LARGE_BYTES = 1 << 20
"""Size of a body after which the heap is trimmed."""

_INTERVAL_S = 5.0
_ROUNDS = 6
"""Trims after the last cause, since jobs and caches go on for a while; each takes milliseconds."""

_CHANGE = 0.05
"""Change of the size of the process, or of its bytes in use, since the last trim that makes another
one worth its time.

Blocks that are freed after a trim at the height of a burst stay in the heap, so the process may
stay as large as it is, though it uses less.
"""

_MMAP_THRESHOLD = -3
_TRIM_THRESHOLD = -1
"""Parameters of ``mallopt(3)``."""

_MMAP_BYTES = 1 << 20
"""Size of a block that is mapped for itself, and unmapped when it is freed."""

_KEPT_BYTES = 2 << 20
"""Free bytes that glibc may keep at the end of a heap. Less makes it ask the system very often."""


class _HeapFigures(ctypes.Structure):
    """The result of ``mallinfo2(3)``, in bytes."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    )


class HeapTrimmer:
    """Trims the heap a few times after each cause, once for all causes of a burst."""

    def __init__(self) -> None:
        library = ctypes.CDLL(None)
        # Other C libraries have no such functions.
        self._trim: Callable[[int], object] | None = getattr(library, "malloc_trim", None)
        set_option: Callable[[int, int], object] | None = getattr(library, "mallopt", None)
        if set_option is not None:
            # glibc raises its threshold to the size of each mapped block that is freed. Blocks of
            # megabytes then come from the heaps of threads, whose ends no trim returns.
            set_option(_MMAP_THRESHOLD, _MMAP_BYTES)
            set_option(_TRIM_THRESHOLD, _KEPT_BYTES)
        self._size: Callable[[], int] = _resident_bytes
        self._used: Callable[[], int] = _used_bytes(library)
        self._trimmed_bytes = 0
        self._used_bytes = 0
        self._rounds = 0
        self._timer: asyncio.TimerHandle | None = None

    def after_large_body(self) -> None:
        """Trim the heap in the next seconds, in a thread."""
        self._rounds = _ROUNDS
        self._wait()

    def after_answer(self) -> None:
        """Trim the heap in the next seconds if the size has changed since the last trim."""
        self._wait()

    def close(self) -> None:
        """Forget the trims that have not begun."""
        if self._timer is not None:
            self._timer.cancel()

    def _wait(self) -> None:
        if self._trim is not None and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_INTERVAL_S, self._round)

    def _round(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        if self._rounds:
            self._rounds -= 1
            if self._rounds:
                self._wait()
            loop.run_in_executor(None, self._trim_now)
        else:
            loop.run_in_executor(None, self._look).add_done_callback(self._looked)

    def _look(self) -> bool:
        change = max(abs(self._size() - self._trimmed_bytes), abs(self._used() - self._used_bytes))
        return change > self._trimmed_bytes * _CHANGE

    def _looked(self, change: asyncio.Future[bool]) -> None:
        if not change.cancelled() and change.result() and not self._rounds:
            self._rounds = _ROUNDS
            self._round()

    def _trim_now(self) -> None:
        if self._trim is not None:
            # ctypes releases the interpreter lock meanwhile.
            self._trim(0)
            self._trimmed_bytes = self._size()
            self._used_bytes = self._used()


def _resident_bytes() -> int:
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    except OSError:
        return 0  # This system has no such file.
    return int(pages) * os.sysconf("SC_PAGESIZE")


def _used_bytes(library: ctypes.CDLL) -> Callable[[], int]:
    """Return a function that returns the bytes that the heap of *library* has given out."""
    figures = getattr(library, "mallinfo2", None)
    if figures is None:
        return lambda: 0  # Other C libraries, and old ones, have no such function.
    figures.restype = _HeapFigures

    def used() -> int:
        found = figures()
        return int(found.uordblks + found.hblkhd)

    return used

"""Standard streams that are closed when a program starts, as by ``<&-`` of a shell."""

from __future__ import annotations

import os
import sys

__all__ = ["open_closed"]


def open_closed() -> None:
    """Open ``/dev/null`` in place of each closed standard stream; call this before any open.

    Otherwise, the next file or socket would take its number. libuv aborts the process when it
    closes one of these numbers, and what is written to standard error would go there.
    """
    for number in range(3):
        if not _is_open(number):
            # It gets this number, the lowest that is free.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    if sys.stdin is None:
        sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False)


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True

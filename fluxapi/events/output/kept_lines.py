"""The memory of lines that are kept until their readers have received them.

The last lines before a given line are known only when that line is reached, so they are kept, and a
reader may take minutes to receive them. All requests of an instance share a budget.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["KeptLines", "Reservation"]

MAX_BYTES = 4 << 20
"""Bytes of one request, if there are few."""

MIN_BYTES = 32 << 10
"""Bytes of one request, however many there are: a few lines of the greatest length."""

BUDGET_BYTES = 64 << 20
_SHARE = 8
"""A request gets at most this part of what is left."""


class Reservation:
    """The bytes of one request.

    Attributes:
        size: The bytes that it may keep.
    """

    def __init__(self, kept: KeptLines, size: int) -> None:
        self._kept = kept
        self.size = size

    def shrink(self, size: int) -> None:
        """Give back all but *size* bytes."""
        self._kept.used -= self.size - size
        self.size = size


class KeptLines:
    """The bytes that are kept for all requests of an instance."""

    def __init__(self) -> None:
        self.used = 0

    @contextmanager
    def reserve(self) -> Iterator[Reservation]:
        """Reserve bytes while the context lasts: the more are in use, the fewer."""
        left = (BUDGET_BYTES - self.used) // _SHARE
        reserved = Reservation(self, min(max(left, MIN_BYTES), MAX_BYTES))
        self.used += reserved.size
        try:
            yield reserved
        finally:
            reserved.shrink(0)

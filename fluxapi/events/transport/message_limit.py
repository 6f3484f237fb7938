"""The limit of messages on one WebSocket.

A frame may be as short as two bytes, and its cost does not depend on its size: a megabyte of pings
costs as much as all pages of a day.
"""

from __future__ import annotations

import time

__all__ = ["MessageLimit"]


class MessageLimit:
    """Counts the messages of one kind: *burst* at once, and *rate* per second after that."""

    __slots__ = ("_at", "_burst", "_left", "_rate")

    def __init__(self, burst: int, rate: float) -> None:
        self._burst = float(burst)
        self._rate = rate
        self._left = float(burst)
        self._at = time.monotonic()

    def take(self) -> bool:
        """Count a message; return ``False`` beyond the limit."""
        now = time.monotonic()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate) - 1
        self._at = now
        return self._left >= 0

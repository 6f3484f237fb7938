"""Token buckets: a rate that each key may use, with room for a burst."""

from __future__ import annotations

import time

__all__ = ["Buckets"]

_MAX_KEYS = 10_000
"""Keys that are remembered; the one that was used longest ago is forgotten, and begins anew."""


class Buckets:
    """One bucket per key, which refills by *rate* a second up to *burst*."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._levels: dict[str, tuple[float, float]] = {}

    def wait(self, key: str, amount: float = 1.0) -> float:
        """Return the seconds until *amount* may be spent; 0 is now."""
        return self._wait(self._level(key, time.monotonic()), amount)

    def spend(self, key: str, amount: float = 1.0) -> None:
        """Take *amount* out of the bucket, whether or not it is there."""
        now = time.monotonic()
        self._set(key, self._level(key, now) - amount, now)

    def take(self, key: str, amount: float = 1.0) -> float:
        """Return 0 and take *amount* if that is possible now, else return the seconds to wait."""
        now = time.monotonic()
        level = self._level(key, now)
        if level < amount and (wait := self._wait(level, amount)):
            return wait
        self._set(key, level - amount, now)
        return 0.0

    def _wait(self, level: float, amount: float) -> float:
        missing = min(amount, self._burst) - level
        return max(missing / self._rate, 0.0)

    def _set(self, key: str, level: float, now: float) -> None:
        self._levels.pop(key, None)
        self._levels[key] = (level, now)
        if len(self._levels) > _MAX_KEYS:
            del self._levels[next(iter(self._levels))]

    def _level(self, key: str, now: float) -> float:
        known = self._levels.get(key)
        if known is None:
            return self._burst
        level = known[0] + (now - known[1]) * self._rate
        return min(self._burst, level)

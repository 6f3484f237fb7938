"""How long to wait before something is tried again."""

from __future__ import annotations

import email.utils
import random
import time

__all__ = ["delay", "retry_after"]

_FIRST = 0.2
_MOST = 20.0


def delay(attempt: int, asked: float | None = None) -> float:
    """Seconds before attempt ``attempt`` (from 1): growing, not the same for all, as ``asked``."""
    wait: float = min(_FIRST * 2 ** min(attempt - 1, 16), _MOST)
    wait *= random.uniform(0.5, 1.0)  # noqa: S311 - jitter
    return wait if asked is None else asked + wait / 4


def retry_after(value: str | None) -> float | None:
    """Seconds that a Retry-After header asks for: a number or a date (RFC 9110, 10.2.3)."""
    if value is None:
        return None
    if value.strip().isdigit():
        seconds = float(value)
    else:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, OverflowError):
            return None
    return min(max(seconds, 0.0), _MOST * 3)

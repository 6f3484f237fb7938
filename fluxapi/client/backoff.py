"""Delays between retries."""

from __future__ import annotations

import asyncio
import time

__all__ = ["delay", "pause", "retry_after"]

_FIRST_DELAY_S = 0.2
_MAX_DELAY_S = 5.0
_MAX_RETRY_AFTER_S = 60.0

pause = asyncio.sleep
"""Sleep before the next attempt."""


def delay(attempt: int, asked: float | None = None) -> float:
    """Return the seconds before retry ``attempt`` (1, 2, …): growing, with jitter, or *asked*."""
    import random  # noqa: PLC0415 - takes long, and retries are rare

    wait: float = min(_FIRST_DELAY_S * 2 ** min(attempt - 1, 16), _MAX_DELAY_S)
    wait *= random.uniform(0.5, 1.0)  # noqa: S311 - jitter
    return wait if asked is None else asked + wait / 4


def retry_after(value: str | None) -> float | None:
    """Return the seconds of a Retry-After header, a number or a date (RFC 9110, 10.2.3)."""
    if value is None:
        return None
    number = value.strip()
    if number.isascii() and number.isdigit():
        seconds = float(number)
    else:
        import email.utils  # noqa: PLC0415 - takes long, and dates are rare

        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, OverflowError):
            return None
    return min(max(seconds, 0.0), _MAX_RETRY_AFTER_S)

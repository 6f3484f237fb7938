"""The schedule of attempts: when a delivery that failed is sent again, and when it is given up."""

from __future__ import annotations

import random
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

__all__ = ["MAX_AGE_S", "MAX_REFUSALS", "pause", "read_retry_after"]

_PAUSES_S = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 1800.0, 3600.0)
"""Pauses after the first failure in a row, the second, and so on; then always the last."""

MAX_AGE_S = 3 * 86_400.0
"""Age at which a delivery that still fails is given up."""

MAX_REFUSALS = 8
"""Attempts after which a delivery that the target refuses is given up: within two hours."""

_MAX_RETRY_AFTER_S = 86_400.0
"""Longest pause that a target can ask for."""


def pause(failures: int, asked: float | None = None) -> float:
    """Return the seconds to wait after this many failures in a row.

    Args:
        failures: At least 1.
        asked: The pause that the target asked for, if any.
    """
    planned = _PAUSES_S[min(failures, len(_PAUSES_S)) - 1]
    # Jitter keeps the webhooks of one target from being sent simultaneously.
    jittered = planned * random.uniform(0.8, 1.2)  # noqa: S311
    return max(jittered, min(asked or 0.0, _MAX_RETRY_AFTER_S))


def read_retry_after(text: str | None, now: float) -> float | None:
    """Return the seconds of a Retry-After header: a number or a date; ``None`` for any other."""
    if not text or len(text) > 64:  # noqa: PLR2004 - longer than any date
        return None
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        # OverflowError: the target names a year, or a time zone, of twenty digits.
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return max((moment - datetime.fromtimestamp(now, timezone.utc)).total_seconds(), 0.0)

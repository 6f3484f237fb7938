"""Times in the filters of a view: a duration before now, a day, a moment.

The table of jobs reads the same texts in ``frontend/src/table/view_time.js``, by the same cases.
"""

from __future__ import annotations

import math
import re
from datetime import datetime, timedelta, timezone

__all__ = ["FORMS", "view_time"]

FORMS = "a duration before now such as 2h or 1d12h, a day such as 2026-01-31, today or yesterday"
"""The forms that people write, for messages."""

_MAX_CHARS = 64
_MAX_SECONDS = 1e11
"""The largest time that the API takes."""

_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)([wdhms])", re.ASCII)
_DURATION = re.compile(rf"-?(?:{_PART.pattern})+", re.ASCII)
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_MOMENT = re.compile(
    rf"{_DAY.pattern}[T ][0-9]{{2}}:[0-9]{{2}}(?::[0-9]{{2}})?(?:Z|[+-][0-9]{{2}}:[0-9]{{2}})?",
    re.ASCII,
)
_UNITS = {"w": 604_800.0, "d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_WORDS = {"today": 0, "yesterday": 1}
_ONE_DAY = timedelta(days=1)


def view_time(text: str, now: float, *, is_end: bool = False) -> float | None:
    """Return the seconds since the epoch that a text means, or ``None`` for an invalid one.

    Args:
        text: The text of the filter.
        now: The time now.
        is_end: The time ends a range, so a day counts to its end.
    """
    text = text.strip()
    if len(text) > _MAX_CHARS:
        return None
    found = _before(text, now)
    if found is None:
        found = _at(text, now, is_end=is_end)
    return found if found is not None and 0 <= found <= _MAX_SECONDS else None


def _before(text: str, now: float) -> float | None:
    if not _DURATION.fullmatch(text):
        return None
    seconds = sum(float(count) * _UNITS[unit] for count, unit in _PART.findall(text))
    return max(now - seconds, 0.0) if math.isfinite(seconds) else 0.0


def _at(text: str, now: float, *, is_end: bool) -> float | None:
    if _NUMBER.fullmatch(text):
        return float(text)
    try:
        if text in _WORDS:
            today = datetime.fromtimestamp(now, timezone.utc).replace(
                hour=0, minute=0, second=0, microsecond=0
            )
            return _day(today - _WORDS[text] * _ONE_DAY, is_end=is_end)
        if _DAY.fullmatch(text):
            return _day(datetime.fromisoformat(text).replace(tzinfo=timezone.utc), is_end=is_end)
        if _MOMENT.fullmatch(text):
            moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
            return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
    except (ValueError, OverflowError):
        return None
    return None


def _day(start: datetime, *, is_end: bool) -> float:
    return (start + _ONE_DAY if is_end else start).timestamp()

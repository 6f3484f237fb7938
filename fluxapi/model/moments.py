"""Points in time as Flux reads them: offsets, dates in ISO 8601, and phrases."""

from __future__ import annotations

import re
import time
from datetime import datetime

from .times import parse_time

__all__ = ["is_phrase", "parse_moment"]

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T|\Z| [0-9]{2}:)", re.ASCII)
"""The begin of a date in ISO 8601, which Flux takes for something else; so it is read here."""


def is_phrase(text: str) -> bool:
    """Return whether a text is neither an offset nor a date in ISO 8601."""
    return text[:1] not in {"+", "-"} and text != "now" and not _DATE.match(text)


def parse_moment(text: str, now: float) -> float:
    """Parse a time as ``flux jobs --since`` does, to seconds since the epoch.

    Accepts ``now``, ``-6h`` and ``+1h`` from now, dates and times in ISO 8601, the phrases of
    parsedatetime such as ``2 hours ago``, ``last monday`` or ``8am``, and seconds since the epoch.
    Raises ``ValueError`` for other text. A long phrase takes seconds.
    """
    if is_phrase(text):
        found = _phrase(text, now)
        if found is not None:
            return found
    return parse_time(text, now)


def _phrase(text: str, now: float) -> float | None:
    """Return the time that a phrase means to the library that Flux has, or ``None``."""
    import parsedatetime  # noqa: PLC0415 - only if there is a phrase

    calendar = parsedatetime.Calendar(version=parsedatetime.VERSION_CONTEXT_STYLE)
    # As Flux: a day without a time begins at midnight.
    calendar.ptc.StartHour = 0
    try:
        fields, context = calendar.parse(text, sourceTime=time.localtime(now))
        return datetime(*fields[:6]).astimezone().timestamp() if context.dateTimeFlag else None
    except (ValueError, OverflowError, AttributeError, TypeError, IndexError, KeyError):
        # The library raises errors of its own making for some texts.
        return None

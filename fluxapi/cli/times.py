"""Dates and times on the command line, as Flux reads them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import datetime

from fluxapi.model.times import parse_time

from .arguments import checked
from .text import safe

__all__ = ["parse_when", "when"]

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T|\Z| [0-9]{2}:)", re.ASCII)
"""The begin of a date in ISO 8601, which Flux takes for something else; so it is read here."""


def parse_when(text: str, now: float, *, future: bool = False) -> float:
    """Parse a time as ``flux jobs --since`` does, to seconds since the epoch.

    Accepts ``now``, ``-6h`` and ``+1h`` from now, dates and times in ISO 8601, the phrases of
    parsedatetime such as ``2 hours ago``, ``last monday`` or ``8am``, and seconds since the epoch.
    Raises ``ValueError`` for other text.
    """
    if text[:1] in {"+", "-"}:
        return parse_time(text, now)
    try:
        if text != "now" and not _DATE.match(text):
            found = _phrase(text, now)
            if found is not None:
                return found
        return parse_time(text, now)
    except ValueError:
        words = "+6h, tomorrow, 8am" if future else "-6h, '2 hours ago', yesterday, 8am"
        raise ValueError(f"{safe(text[:80])!r} is not a time: use {words} or a date") from None


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


def when(*, future: bool = False) -> Callable[[str], float]:
    """Return a type for argparse: a time, by the clock of the moment when it is read."""
    return checked(lambda text: parse_when(text, time.time(), future=future))

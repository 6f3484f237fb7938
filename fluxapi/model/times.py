"""Times as Flux writes and reads them: Flux Standard Duration (RFC 23), dates in the local zone."""

from __future__ import annotations

import math
import re
from datetime import datetime

from .message import NotReadable

__all__ = ["fsd", "parse_duration", "parse_time", "short_date"]

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ms|[smhd]|)\Z", re.ASCII)
_SECONDS = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_MILLISECOND, _EXACT, _MINUTE, _HOUR, _DAY = 0.001, 10.0, 60.0, 3600.0, 86400.0


def fsd(seconds: float) -> str:
    """Format a duration as the flux commands do: ``0s``, ``1.234s``, ``5.2m``, ``inf``.

    It has milliseconds below ten seconds, else four digits (``flux.util.fsd``).
    """
    if math.isinf(seconds):
        return "inf"
    if seconds < _MILLISECOND:
        return "0s"
    if seconds < _EXACT:
        return f"{seconds:.3f}s"
    for limit, unit in ((_MINUTE, "s"), (_HOUR, "m"), (_DAY, "h")):
        if seconds < limit:
            return f"{seconds / _SECONDS[unit]:.4g}{unit}"
    return f"{seconds / _DAY:.4g}d"


def parse_duration(text: str) -> float:
    """Parse a duration such as ``90``, ``90s`` or ``1.5h`` to seconds; raise ``ValueError``."""
    match = _DURATION.match(text)
    if match is None:
        raise NotReadable("no_duration", value=repr(text[:80]))
    seconds = float(match[1]) * _SECONDS[match[2]]
    if math.isinf(seconds):
        raise NotReadable("duration_too_long", value=f"{text[:20]}…")
    return seconds


def parse_time(text: str, now: float) -> float:
    """Parse a time to seconds since the epoch; raise ``ValueError`` with examples.

    Accepts ``now``, ``-6h`` and ``+1h`` from now, seconds since the epoch, and dates and times in
    ISO 8601, by default in the local time zone.
    """
    if text == "now":
        return now
    if text[:1] in {"+", "-"}:
        seconds = parse_duration(text[1:])
        return now + seconds if text[0] == "+" else now - seconds
    try:
        seconds = float(text)
        if math.isfinite(seconds):
            return seconds
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone().timestamp()
    except (ValueError, OverflowError):
        day = f"{datetime.fromtimestamp(now + _DAY).astimezone():%Y-%m-%d}"
        raise NotReadable("no_time", value=repr(text[:80]), day=day) from None


def short_date(timestamp: float) -> str:
    """Format a time in the local time zone, such as ``Nov24 15:04``."""
    return datetime.fromtimestamp(timestamp).strftime("%b%d %H:%M")  # noqa: DTZ006 - local, meant

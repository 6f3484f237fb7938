"""Time limits as people write them: Flux Standard Durations (RFC 23), 2h30m, and clock times.

The form of the dashboard reads the same texts (``frontend/src/submit/duration.js``).
"""

from __future__ import annotations

import re

__all__ = ["limit_seconds"]

_MAX_CHARS = 64

_STANDARD = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ms|[smhd]|)\Z", re.ASCII)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "": 1.0}
_PARTS = re.compile(r"(?:([0-9]+)d)? ?(?:([0-9]+)h)? ?(?:([0-9]+)m)? ?(?:([0-9]+)s)?\Z", re.ASCII)
_CLOCK = re.compile(r"(?:([0-9]+)-)?([0-9]+):([0-5]?[0-9])(?::([0-5]?[0-9]))?\Z", re.ASCII)
"""As Slurm writes it: minutes:seconds, hours:minutes:seconds, and days- in front."""


def limit_seconds(text: str) -> float | None:
    """Return the seconds that a time limit is, ``None`` for any other text.

    A number alone is seconds.
    """
    if match := _STANDARD.match(text):
        return float(match[1]) * _UNITS[match[2]]
    if len(text) > _MAX_CHARS:
        return None
    if match := _CLOCK.match(text):
        days, first, second, third = match.groups()
        # With days in front, the first part is hours.
        if days is None and third is None:
            return float(int(first) * 60 + int(second))
        return float(
            int(days or 0) * 86400 + int(first) * 3600 + int(second) * 60 + int(third or 0)
        )
    match = _PARTS.match(text)
    if match is None or not any(match.groups()):
        return None
    sizes = (86400, 3600, 60, 1)
    return float(sum(int(it or 0) * size for it, size in zip(match.groups(), sizes, strict=True)))

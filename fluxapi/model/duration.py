"""A duration as people read it.

The scripts of the pages format the same (``frontend/src/ui/format.js``); one table of cases tests
both. The commands that print what ``flux jobs`` prints use the format of Flux instead
(``fluxapi/model/times.py``).
"""

from __future__ import annotations

import math
from itertools import pairwise

__all__ = ["duration"]

_UNITS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))
_MILLISECONDS_BELOW_S = 10
"""Duration below which milliseconds are shown."""


def duration(seconds: float) -> str:
    """Format a duration: ``1.234s`` below ten seconds, else in at most two units: ``4m 5s``.

    A negative one is ``0s``; an infinite or unknown one gives an empty text.
    """
    if not math.isfinite(seconds):
        return ""
    milliseconds = math.floor(max(seconds, 0.0) * 1000 + 0.5)
    if milliseconds < _MILLISECONDS_BELOW_S * 1000:
        whole, rest = divmod(milliseconds, 1000)
        return f"{whole}.{rest:03}s" if rest else f"{whole}s"
    whole = milliseconds // 1000
    for (size, unit), (below, smaller) in pairwise(_UNITS):
        if whole >= size:
            count, rest = whole // size, whole % size // below
            return f"{count}{unit} {rest}{smaller}" if rest else f"{count}{unit}"
    return f"{whole}s"

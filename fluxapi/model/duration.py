"""A duration as people read it.

The scripts of the pages format the same (``frontend/src/ui/format.js``); one table of cases tests
both. The commands that print what ``flux jobs`` prints use the format of Flux instead
(``fluxapi/model/times.py``).
"""

from __future__ import annotations

import math
from itertools import pairwise

from .phrases import Say, english

__all__ = ["duration"]

_UNITS = (
    (86400, "durations.days"),
    (3600, "durations.hours"),
    (60, "durations.minutes"),
    (1, "durations.seconds"),
)
_MILLISECONDS_BELOW_S = 10
"""Duration below which milliseconds are shown."""


def duration(seconds: float, say: Say = english) -> str:
    """Format a duration: ``1.234s`` below ten seconds, else in at most two units: ``4m 5s``.

    A negative one is ``0s``; an infinite or unknown one gives an empty text.
    """
    exact = seconds * 1000
    if not math.isfinite(exact):
        return ""
    milliseconds = math.floor(max(exact, 0.0) + 0.5)
    if milliseconds < _MILLISECONDS_BELOW_S * 1000:
        whole, rest = divmod(milliseconds, 1000)
        if rest:
            return say("durations.thousandths", seconds=str(whole), thousandths=f"{rest:03}")
        return say("durations.seconds", number=str(whole))
    whole = milliseconds // 1000
    for (size, key), (below, smaller) in pairwise(_UNITS):
        if whole >= size:
            large = say(key, number=str(whole // size))
            rest = whole % size // below
            if not rest:
                return large
            return say("durations.two", large=large, small=say(smaller, number=str(rest)))
    return say("durations.seconds", number=str(whole))

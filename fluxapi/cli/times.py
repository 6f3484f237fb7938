"""Dates and times on the command line, as Flux reads them."""

from __future__ import annotations

import time
from collections.abc import Callable

from fluxapi.model.moments import parse_moment
from fluxapi.model.times import parse_time

from .arguments import checked
from .text import safe

__all__ = ["parse_when", "when"]


def parse_when(text: str, now: float, *, future: bool = False) -> float:
    """Parse a time as :func:`fluxapi.model.moments.parse_moment` does, with errors for people."""
    if text[:1] in {"+", "-"}:
        return parse_time(text, now)
    try:
        return parse_moment(text, now)
    except ValueError:
        words = "+6h, tomorrow, 8am" if future else "-6h, '2 hours ago', yesterday, 8am"
        raise ValueError(f"{safe(text[:80])!r} is not a time: use {words} or a date") from None


def when(*, future: bool = False) -> Callable[[str], float]:
    """Return a type for argparse: a time, by the clock of the moment when it is read."""
    return checked(lambda text: parse_when(text, time.time(), future=future))

"""The lines of ``fluxapi resource use``."""

from __future__ import annotations

from typing import Any

import msgspec

from fluxapi.client.body import converted
from fluxapi.client.limits import Moment
from fluxapi.model.times import short_date

from .terminal import put

__all__ = ["print_use"]

_UNKNOWN = "-"


class _Step(msgspec.Struct):
    time: Moment
    allocated: float | None = None
    total: float | None = None


class _Use(msgspec.Struct):
    steps: list[_Step]
    is_cut: bool = False


def print_use(found: dict[str, Any], total: int) -> None:
    """Print a line for each step: when it begins, the cores in use, and their share.

    Args:
        found: The response of ``use()``.
        total: All cores now; a step that was not sampled does not tell how many there were.

    Raises:
        ClientError: The response has another form.
    """
    use = converted(found, _Use)
    put(f"{'FROM':<12} {'CORES':>10} {'USED':>5}")
    for step in use.steps:
        cores = _UNKNOWN if step.allocated is None else f"{step.allocated:,.1f}"
        all_cores = step.total or total
        share = _UNKNOWN
        if step.allocated is not None and all_cores:
            share = f"{100 * step.allocated / all_cores:.0f}%"
        put(f"{short_date(step.time):<12} {cores:>10} {share:>5}")
    if use.is_cut:
        put("The node has run more jobs than were counted, so early steps may be too low.")

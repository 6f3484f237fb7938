"""The lines of ``fluxapi queue load``."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from fluxapi.model.duration import duration

from .terminal import put
from .text import safe

if TYPE_CHECKING:
    from .answers import Queue, Use

__all__ = ["print_loads"]

_HEADINGS = (
    "QUEUE", "STATE", "RUN", "PEND", "WAIT", "MINE", "OLDEST", "MEDIAN", "NODES", "CORES",
)  # fmt: skip
_FIRST_NUMBER = 2
"""The columns from this one on are aligned to the right."""

_UNKNOWN = "-"


def print_loads(queues: Iterable[Queue], *, header: bool) -> None:
    """Print a line for each queue: its state, its jobs, how long they wait, what is in use."""
    rows = [_row(queue, time.time()) for queue in queues]
    if header:
        rows.insert(0, _HEADINGS)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.ljust(width) if place < _FIRST_NUMBER else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        put(" ".join(cells).rstrip())


def _row(queue: Queue, now: float) -> tuple[str, ...]:
    states = [word for word, holds in _states(queue) if holds]
    jobs = queue.jobs
    counts = (
        (_UNKNOWN,) * 4
        if jobs is None
        else tuple(map(str, (jobs.running, jobs.pending, jobs.waiting, jobs.mine)))
    )
    oldest = None if jobs is None or jobs.oldest_submit is None else now - jobs.oldest_submit
    median = None if jobs is None else jobs.median_wait
    return (
        safe(queue.name) or _UNKNOWN,
        ",".join(states) or "open",
        *counts,
        *(_UNKNOWN if wait is None else duration(int(wait)) for wait in (oldest, median)),
        _use(queue.nodes),
        _use(queue.cores),
    )


def _states(queue: Queue) -> tuple[tuple[str, bool], ...]:
    return ("stopped", not queue.started), ("disabled", not queue.enabled)


def _use(use: Use | None) -> str:
    return _UNKNOWN if use is None else f"{use.allocated}/{use.total}"

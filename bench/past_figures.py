"""Figures of past jobs over a month and a day, of jobs that a generator has stored."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from fluxapi.archive.database import FILE_NAME, connect
from fluxapi.archive.figures import FiguresQuery, read_figures
from fluxapi.archive.group_figures import By
from fluxapi.archive.span import Span

from . import past_lists
from .figures import Figure
from .past_jobs import DAY_S, SOURCE, fill

__all__ = ["figures"]

_DAYS = 30.0
_BOUND_S = 10.0
"""The time after which the service ends a query."""

_QUERIES: Sequence[tuple[str, float, By | None]] = (
    ("a month", _DAYS, None),
    ("a month, by name", _DAYS, "name"),
    ("a month, by node", _DAYS, "node"),
    ("a day, by name", 1.0, "name"),
)


def figures(jobs: int) -> list[Figure]:
    """Return the CPU time of each query on *jobs* jobs of a month, and times of pages."""
    found: list[Figure] = []
    with TemporaryDirectory() as folder:
        until = time.time()
        fill(Path(folder), jobs, until, _DAYS)
        with closing(connect(Path(folder) / FILE_NAME, readonly=True)) as database:
            for name, days, by in _QUERIES:
                span = Span.choose(until - days * DAY_S, until, 120)
                begun = time.thread_time()
                read_figures(database, FiguresQuery(span, SOURCE.id, by, "failed"))
                spent = time.thread_time() - begun
                label = f"figures of {jobs:,} past jobs, {name}"
                found.append(Figure(label, spent, "s", "the bound", _BOUND_S, 0.5, at_most=True))
            found += past_lists.figures(database, jobs, until)
    return found

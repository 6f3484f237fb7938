"""Figures of the stored jobs that match a query: how many, how they ended, how long they ran."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from statistics import fmean, median
from typing import NamedTuple

from fluxapi.model.job import RESULTS
from fluxapi.table.query import JobQuery

from .query import Range, by_result, select

__all__ = ["MatchFigures", "RunTime", "match_figures", "read_match_figures"]

_MAX_JOBS = 10_000
"""Jobs of one result that are counted, the newest; this takes about 50 ms."""

_MAX_READ_S = 0.5
"""Time after which no more jobs are counted."""

_STEPS = 2000
"""Instructions of SQLite between two looks at the clock."""

RunTime = tuple[object, object, object]
"""Result, start and end of a job; a damaged row may have any value in any place."""


class MatchFigures(NamedTuple):
    """Counts of jobs, and their run times in seconds.

    Attributes:
        jobs: The number of jobs.
        results: The jobs of each result that occurs, in the order of ``RESULTS``.
        runtimes: The shortest, the longest, the mean and the median run time; ``None`` if fewer
            than two jobs have run.
        is_least: More jobs match than were counted.
    """

    jobs: int
    results: dict[str, int]
    runtimes: tuple[float, float, float, float] | None
    is_least: bool = False


def match_figures(jobs: Iterable[RunTime], *, is_least: bool = False) -> MatchFigures:
    """Return the figures of some jobs."""
    count = 0
    results: Counter[object] = Counter()
    seconds: list[float] = []
    for result, begin, end in jobs:
        count += 1
        results[result] += 1
        if isinstance(begin, float) and isinstance(end, float) and 0 < begin <= end:
            seconds.append(end - begin)
    found = None
    if len(seconds) > 1:
        found = min(seconds), max(seconds), fmean(seconds), median(seconds)
    known = {result: results[result] for result in RESULTS if results[result]}
    return MatchFigures(count, known, found, is_least)


def read_match_figures(
    database: sqlite3.Connection, query: JobQuery, instance: str | None
) -> MatchFigures:
    """Return the figures of the jobs that match, of an instance or of all.

    Raises:
        sqlite3.Error: The database cannot be read.
    """
    stop = time.monotonic() + _MAX_READ_S
    database.set_progress_handler(lambda: time.monotonic() > stop, _STEPS)
    rows: list[RunTime] = []
    is_least = False
    for each in by_result(query):
        before = len(rows)
        try:
            rows.extend(_rows(database, each, instance))
        except sqlite3.OperationalError as error:
            if "interrupted" not in str(error):
                raise
            is_least = True
        if len(rows) - before > _MAX_JOBS:
            rows.pop()
            is_least = True
    return match_figures(rows, is_least=is_least)


def _rows(database: sqlite3.Connection, query: JobQuery, instance: str | None) -> Iterator[RunTime]:
    found = select(database, query, Range(instance))
    if found is not None:
        yield from database.execute(
            f"SELECT jobs.result, jobs.t_run, jobs.t_cleanup FROM {found.tables} "  # noqa: S608
            f"WHERE {found.where} ORDER BY {found.key} DESC LIMIT ?",
            (*found.values, _MAX_JOBS + 1),
        )

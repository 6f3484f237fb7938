"""Figures of jobs that have ended, step by step, computed by the database.

Each step is one range of the index ``jobs_for_figures``, so the database sorts nothing and reads no
record.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from .quantiles import Times, quantiles
from .span import Span

__all__ = [
    "COUNTS",
    "RESULTS",
    "RUNS",
    "SHARE",
    "WAITS",
    "JobFigures",
    "Piece",
    "Scope",
    "pieces",
    "times_of",
    "weight_of",
]

RESULTS = ("COMPLETED", "FAILED", "CANCELED", "TIMEOUT")
_FAILED, _TIMEOUT = 1, 3
_MAX_TIMES, _MAX_STEP_TIMES = 1_000_000, 20_000
"""Jobs of all steps and of one step whose waits and run times are read; of more, an even share."""

CORE_SECONDS = "sum(CASE WHEN t_run > 0 THEN max(t_cleanup - t_run, 0) * ncores ELSE 0 END)"
FAILED_CORE_SECONDS = CORE_SECONDS.replace(
    "t_run > 0", "t_run > 0 AND result IN ('FAILED', 'TIMEOUT')"
)

_BY_RESULT = ", ".join(f"sum(result = '{result}')" for result in RESULTS)
COUNTS = f"count(*), {_BY_RESULT}, {CORE_SECONDS}, {FAILED_CORE_SECONDS}"
"""The columns of :meth:`JobFigures.of`."""

WAITS = "group_concat(CAST(max(t_run - t_submit, 0) * 1000 AS INTEGER))"
RUNS = "group_concat(CAST(max(t_cleanup - t_run, 0) * 1000 AS INTEGER))"
SHARE = "CAST(t_inactive * 1000000 AS INTEGER) % 1000003 % ? = 0"
"""A condition that holds for about one of so many jobs: the microsecond of a job's end decides."""


class Scope(NamedTuple):
    """The jobs that count: those of one instance, or of all if *instance* is ``None``."""

    instance: int | None

    @property
    def source(self) -> str:
        """Return the SQL from FROM on, which takes begin and end of a range and :attr:`values`."""
        by_instance = "" if self.instance is None else " AND instance = ?"
        return (
            "FROM jobs INDEXED BY jobs_for_figures "
            f"WHERE t_inactive >= ? AND t_inactive < ?{by_instance}"
        )

    @property
    def values(self) -> tuple[int, ...]:
        """Return the values after begin and end."""
        return () if self.instance is None else (self.instance,)


class JobFigures(NamedTuple):
    """Counts of jobs by result, their core seconds, and those of jobs that failed or timed out."""

    ended: int
    results: tuple[int, ...]
    core_seconds: float
    failed_core_seconds: float = 0.0

    @classmethod
    def of(cls, row: Sequence[Any]) -> JobFigures:
        """Return the figures of a row of count, counts by result and core seconds."""
        return cls(row[0], tuple(count or 0 for count in row[1:5]), row[5] or 0.0, row[6] or 0.0)

    @classmethod
    def total(cls, parts: Sequence[JobFigures]) -> JobFigures:
        """Return the sum of figures."""
        columns = zip(*(part.results for part in parts), strict=True)
        results = tuple(map(sum, columns)) or (0,) * len(RESULTS)
        return cls(
            sum(part.ended for part in parts),
            results,
            sum(part.core_seconds for part in parts),
            sum(part.failed_core_seconds for part in parts),
        )

    def plus(self, other: JobFigures) -> JobFigures:
        """Return the sum of both."""
        return JobFigures.total((self, other))

    def minus(self, other: JobFigures) -> JobFigures:
        """Return the figures of the jobs that *other* does not count."""
        pairs = zip(self.results, other.results, strict=True)
        return JobFigures(
            self.ended - other.ended,
            tuple(mine - others for mine, others in pairs),
            max(self.core_seconds - other.core_seconds, 0.0),
            max(self.failed_core_seconds - other.failed_core_seconds, 0.0),
        )

    def per_node(self, nodes: int) -> JobFigures:
        """Return the figures of one of *nodes* nodes, on all of which the jobs ran."""
        return JobFigures(
            self.ended, self.results, self.core_seconds / nodes, self.failed_core_seconds / nodes
        )

    def rank(self, order: str) -> tuple[float, ...]:
        """Return the figures by which groups are ordered."""
        failures = self.results[_FAILED] + self.results[_TIMEOUT]
        if order == "failed":
            return (failures,)
        if order == "failed_core_hours":
            return self.failed_core_seconds, failures
        return (self.ended if order == "ended" else self.core_seconds,)

    def record(self) -> dict[str, Any]:
        """Return the figures as the API describes them."""
        counts = zip((result.lower() for result in RESULTS), self.results, strict=True)
        return {
            "ended": self.ended,
            **dict(counts),
            "core_hours": round(self.core_seconds / 3600, 4),
            "failed_core_hours": round(self.failed_core_seconds / 3600, 4),
        }


class Piece(NamedTuple):
    """The jobs that have ended in one step."""

    begin: float
    figures: JobFigures
    waits: Times
    runs: Times

    def record(self) -> dict[str, Any]:
        """Return the step as the API describes it."""
        return {"time": self.begin, **self.figures.record(), **times_of([self.waits], [self.runs])}


def weight_of(jobs: int, span: Span) -> int:
    """Return how many of the *jobs* jobs of a step each one stands for whose times are read."""
    most = min(_MAX_TIMES // len(span.steps), _MAX_STEP_TIMES)
    return max(-(-jobs // most), 1)


def times_of(waits: list[Times], runs: list[Times]) -> dict[str, Any]:
    """Return the quantiles of waits and run times; absent where no job has started."""
    found = {"wait": quantiles(waits), "run": quantiles(runs)}
    return {name: value for name, value in found.items() if value is not None}


def pieces(database: sqlite3.Connection, scope: Scope, span: Span) -> Iterator[Piece]:
    """Yield the figures of each step."""
    counts = f"SELECT {COUNTS} {scope.source}"
    times = f"SELECT {WAITS}, {RUNS} {scope.source} AND t_run > 0 AND {SHARE}"
    for begin, end in span.steps:
        values = (*span.part(begin, end), *scope.values)
        figures = JobFigures.of(database.execute(counts, values).fetchone())
        weight = weight_of(figures.ended, span)
        waits, runs = database.execute(times, (*values, weight)).fetchone()
        yield Piece(begin, figures, Times(waits, weight), Times(runs, weight))

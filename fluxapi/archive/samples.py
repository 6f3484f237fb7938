"""Samples of an instance: jobs by state, and the nodes, cores and GPUs that are up and in use.

A row tells what held from a time on for a number of seconds. The longer ago, the longer the times
that one row describes, as averages; a year takes about a megabyte. No row covers the time in which
the service did not run.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import msgspec

from .span import Span

__all__ = ["FIGURES", "MAX_SAMPLE_S", "Sample", "SampleMerger", "read_use", "thin", "write_sample"]

FIGURES = (
    "pending", "running", "nodes", "nodes_up", "nodes_allocated", "nodes_drained", "nodes_down",
    "cores", "cores_up", "cores_allocated", "gpus", "gpus_up", "gpus_allocated",
)  # fmt: skip
"""The figures of a sample, in the order of the columns."""

MAX_SAMPLE_S = 60.0
"""The longest time that one new sample describes."""

_HOUR_S, _DAY_S = 3600, 86_400
_STEPS_S = (0, 60, _HOUR_S)
"""The levels of detail: as sampled, minutes, hours."""

_KEPT_S = (_DAY_S, 30 * _DAY_S)
"""The age at which rows of the first two levels are replaced by averages of the next."""

_SAMPLE_BYTES = 1024
_MAX_PAUSE_S = 30.0
"""The longest time between two readings; a longer one is a gap."""

_MAX_OVERHANG_S = 120.0
"""A row may end later than its minute or hour by the length of a sample."""


class Sample(msgspec.Struct, frozen=True):
    """Figures that held from *time* on; a figure that is ``None`` is not known."""

    time: float
    seconds: float
    figures: tuple[float | None, ...]

    @property
    def size(self) -> int:
        """Return the bytes that the sample takes in memory."""
        return _SAMPLE_BYTES


_COLUMNS = ", ".join(FIGURES)
_INSERT = (
    f"INSERT OR REPLACE INTO samples (instance, step, time, seconds, {_COLUMNS}) "  # noqa: S608
    f"VALUES ({', '.join('?' * (4 + len(FIGURES)))})"
)


def _mean(name: str, weight: str) -> str:
    """Return the SQL of the average of a column over the rows in which it is known."""
    known = f"sum(CASE WHEN {name} IS NOT NULL THEN {weight} END)"
    return f"sum({name} * {weight}) / {known}"


_MEANS = ", ".join(_mean(name, "seconds") for name in FIGURES)
_THIN = (
    f"INSERT OR REPLACE INTO samples (instance, step, time, seconds, {_COLUMNS}) "  # noqa: S608
    f"SELECT instance, :next, CAST(time / :next AS INTEGER) * :next, sum(seconds), {_MEANS} "
    "FROM samples WHERE step = :step AND time < :before AND seconds > 0 "
    "AND typeof(seconds) = 'real' "
    "GROUP BY instance, CAST(time / :next AS INTEGER)"
)
_DROP = "DELETE FROM samples WHERE step = :step AND time < :before"

_OVERLAP = "(min(time + seconds, :end) - max(time, :begin))"
_USE = (
    f"SELECT sum({_OVERLAP}), {', '.join(_mean(name, _OVERLAP) for name in FIGURES)} "  # noqa: S608
    "FROM samples WHERE instance = :instance AND step = :step "
    "AND time < :end AND time > :begin - :longest AND time + seconds > :begin"
)


class SampleMerger:
    """Makes samples of figures that are read at intervals: equal ones are one sample."""

    def __init__(self) -> None:
        self._open: Sample | None = None
        self._read_at: float | None = None

    def take(self, now: float, figures: tuple[float | None, ...]) -> Sample | None:
        """Take the figures at *now*; return a sample that is complete with them, if there is one.

        They held since the last figures, unless that is too long ago or the clock was set.
        """
        before, self._read_at = self._read_at, now
        if before is None or not 0 < now - before <= _MAX_PAUSE_S:
            return self._replace(None)
        is_open = self._open
        if (
            is_open is not None
            and is_open.figures == figures
            and before // MAX_SAMPLE_S == is_open.time // MAX_SAMPLE_S
        ):
            self._open = Sample(is_open.time, now - is_open.time, figures)
            return None
        return self._replace(Sample(before, now - before, figures))

    def finish(self) -> Sample | None:
        """Return the sample that is not complete yet, if there is one, and begin anew."""
        self._read_at = None
        return self._replace(None)

    def _replace(self, sample: Sample | None) -> Sample | None:
        complete, self._open = self._open, sample
        return complete


def write_sample(database: sqlite3.Connection, instance: int, sample: Sample) -> None:
    """Write a sample, in the transaction of the caller."""
    database.execute(_INSERT, (instance, 0, sample.time, sample.seconds, *sample.figures))


def thin(database: sqlite3.Connection, now: float) -> None:
    """Replace old samples of all instances by averages, in the transaction of the caller."""
    for step, following, age in zip(_STEPS_S, _STEPS_S[1:], _KEPT_S, strict=False):
        # Whole hours, so that no average is made of a part of one.
        before = (now - age) // _HOUR_S * _HOUR_S
        values = {"step": step, "next": following, "before": before}
        database.execute(_THIN, values)
        database.execute(_DROP, values)


def read_use(
    database: sqlite3.Connection, instance: int, span: Span
) -> Iterator[dict[str, float] | None]:
    """Yield the average figures of each step; ``None`` for one in which nothing was sampled.

    A figure that is not known is absent.
    """
    for step in span.steps:
        begin, end = span.part(*step)
        yield _average(
            [
                database.execute(
                    _USE,
                    {
                        "instance": instance,
                        "step": level,
                        "begin": begin,
                        "end": end,
                        "longest": max(level, MAX_SAMPLE_S) + _MAX_OVERHANG_S,
                    },
                ).fetchone()
                for level in _STEPS_S
            ]
        )


def _average(rows: list[tuple[Any, ...]]) -> dict[str, float] | None:
    """Return the average of the averages of each level."""
    levels = [row for row in rows if row[0]]
    if not levels:
        return None
    found: dict[str, float] = {}
    for place, name in enumerate(FIGURES, 1):
        known = [(row[0], row[place]) for row in levels if row[place] is not None]
        if known:
            weight = sum(seconds for seconds, _ in known)
            found[name] = round(sum(seconds * value for seconds, value in known) / weight, 2)
    return found

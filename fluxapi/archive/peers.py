"""A job among its peers: earlier jobs of the same name, or else of the same queue."""

from __future__ import annotations

import sqlite3
from statistics import median
from typing import Any, NamedTuple

from fluxapi.model.duration import duration

__all__ = ["Subject", "compare"]

_MAX_PEERS = 500
"""Peers that are read, the newest."""

_MIN_PEERS = 20
"""Peers below which a median says too little."""

_MIN_RATIO = 2.0
_MIN_DIFFERENCE_S = 10.0
"""A difference that is worth a sentence: in proportion, and in seconds."""

_MAX_RATIO = 20.0
"""A greater proportion says no more than that it is great."""

_MIN_LONG_WAIT_S = 60.0
"""The wait from which it is long: where the median is tiny, any wait is many times as long."""

_MIN_QUEUE_RUN_S = 60.0
"""The median run time below which a queue says nothing of a job: most of its jobs are short tests
of other kinds.
"""

_MAX_NAME_CHARS = 80


class Subject(NamedTuple):
    """A job that is compared; *wait* and *run* are seconds so far, ``None`` before it has begun."""

    id: int
    name: str
    queue: str
    wait: float | None
    run: float | None
    is_over: bool
    """True once the run time is final."""


def compare(database: sqlite3.Connection, instance: str, job: Subject) -> dict[str, Any]:
    """Return how a job compares, as the API describes it; empty if it has too few peers."""
    for by, value in (("name", job.name), ("queue", job.queue)):
        times = _times(database, instance, by, value, job.id)
        if value and len(times) >= _MIN_PEERS:
            return _compared(job, by, value, times)
    return {}


def _times(
    database: sqlite3.Connection, instance: str, by: str, value: str, jobid: int
) -> list[tuple[float, float | None]]:
    """Return the waits of the newest peers that have started, and the run times of successes."""
    found = database.execute(
        "SELECT t_submit, t_run, t_cleanup, result FROM jobs "  # noqa: S608 - by is a column
        f"WHERE instance = (SELECT key FROM instances WHERE id = ?) AND {by} = ? "
        "AND jobs.id != ? AND typeof(t_submit) = 'real' AND typeof(t_run) = 'real' "
        "AND typeof(t_cleanup) = 'real' ORDER BY jobs.key DESC LIMIT ?",
        (instance, value, jobid, _MAX_PEERS),
    )
    return [
        (max(t_run - t_submit, 0.0), max(t_end - t_run, 0.0) if result == "COMPLETED" else None)
        for t_submit, t_run, t_end, result in found
        if t_run
    ]


def _compared(
    job: Subject, by: str, value: str, times: list[tuple[float, float | None]]
) -> dict[str, Any]:
    found: dict[str, Any] = {"by": by, "value": value, "jobs": len(times), "sentences": []}
    peers = f"named {value[:_MAX_NAME_CHARS]}" if by == "name" else f"in queue {value}"
    waits = [wait for wait, _ in times]
    runs = [run for _, run in times if run is not None]
    has_started = job.run is not None
    verbs = {"wait": ("Waited" if has_started else "Has waited"), "run": "Ran"}
    if not job.is_over:
        verbs["run"] = "Has run"
    for member, own, all_times, is_final in (
        ("wait", job.wait, waits, has_started),
        ("run", job.run, runs, job.is_over),
    ):
        if own is None or len(all_times) < _MIN_PEERS:
            continue
        usual = median(all_times)
        found[member] = {"seconds": round(own, 3), "median": round(usual, 3)}
        if member == "run" and by == "queue" and usual < _MIN_QUEUE_RUN_S:
            continue
        if member == "wait" and usual < own < _MIN_LONG_WAIT_S:
            continue
        words = _words(own, usual, is_final=is_final)
        if words:
            found["sentences"].append(
                f"{verbs[member]} {words} the median of the last {len(all_times)} jobs {peers} "
                f"({duration(usual)})."
            )
    return found


def _words(own: float, usual: float, *, is_final: bool) -> str:
    """Return how a time compares to the usual one; empty if it is about the same."""
    if abs(own - usual) < _MIN_DIFFERENCE_S:
        return ""
    if own >= _MIN_RATIO * usual:
        if usual < 1 or own > _MAX_RATIO * usual:
            return "much longer than"
        return f"{own / usual:,.0f} times as long as"
    # A time that still grows may become usual.
    return "less than half of" if is_final and own * _MIN_RATIO < usual else ""

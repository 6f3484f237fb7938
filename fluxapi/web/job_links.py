"""The dependencies of a job: the jobs that it waits for and those that wait for it, as a graph.

Each job is a row, after all jobs that it waits for; arcs beside the rows lead from each of these.
Below its name, each of its conditions has a line that names the job.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fluxapi.model.jobid import encode_f58
from fluxapi.table.table import Table

from .visible import SHORT, visible
from .words import Words

__all__ = ["graph"]

_MAX_JOBS = 24
_ROW = 28
"""Height of a row in the units of the picture, without its conditions."""

_LINE = 16
"""Height of a condition."""

_MAX_CONDITIONS = 4
"""Conditions of one job that have a line; one more line counts the others."""

_NAME_CHARS = 40
"""Characters of the name of a job in a condition."""

_RAIL = 36
"""Width of the picture, whose right edge has the points of the jobs."""

_STEP = 6
"""How far the arc of a dependency bends for each row that it skips."""

_PHRASES = {
    "after": "job.after_started",
    "afterstart": "job.after_started",
    "afterany": "job.after_ended",
    "afterok": "job.after_ok",
    "afternotok": "job.after_failed",
    "afterexcept": "job.after_exception",
}
"""The key of the sentence for each scheme."""


def graph(
    table: Table, record: Callable[[int], Mapping[str, Any]], jobid: int, words: Words
) -> dict[str, Any] | None:
    """Return the rows and arcs of the graph around a job, or ``None`` without dependencies."""
    found = table.links.graph(table.get, jobid, _MAX_JOBS)
    if len(found.jobs) == 1:
        return None
    known = {one: record(one) if one in table else {} for one in found.jobs}
    names = {one: known[one].get("name") or encode_f58(one) for one in found.jobs}
    points: dict[int, float] = {}
    rows = []
    height = 0
    for one in found.jobs:
        points[one] = height + _ROW / 2
        waits_for = [(target, scheme) for job, target, scheme in found.links if job == one]
        conditions = [
            words.text(_PHRASES[scheme], name=visible(names[target], _NAME_CHARS))
            for target, scheme in waits_for[:_MAX_CONDITIONS]
        ]
        if more := len(waits_for) - len(conditions):
            conditions.append(words.text("job.more_conditions", count=more))
        rows.append(
            {
                "id": encode_f58(one),
                "name": visible(names[one], SHORT),
                "status": known[one].get("status", ""),
                "is_own": one == jobid,
                "conditions": conditions,
            }
        )
        height += _ROW + _LINE * len(conditions)
    arcs = []
    places = {one: at for at, one in enumerate(found.jobs)}
    for job, target, _ in found.links:
        skipped = places[job] - places[target]
        waits = job in table and table[job].state in {"NEW", "DEPEND"}
        arcs.append(
            {
                "key": f"{target}-{job}",
                "path": _arc(points[target], points[job], skipped),
                "waits": waits and not _has_ended(table, target),
            }
        )
    return {
        "rows": rows,
        "arcs": arcs,
        "height": height,
        "width": _RAIL,
        "points": list(points.values()),
        "is_cut": found.is_cut,
    }


def _arc(begin: float, end: float, rows: int) -> str:
    """Return the path from the point of one row to that of a later one, bent to the left."""
    x = _RAIL - 6
    bend = max(x - _STEP * rows - 6, 0)
    return f"M{x} {begin:g}C{bend} {begin:g} {bend} {end:g} {x} {end:g}"


def _has_ended(table: Table, jobid: int) -> bool:
    job = table.get(jobid)
    return job is None or job.is_inactive

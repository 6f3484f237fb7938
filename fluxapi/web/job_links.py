"""The dependencies of a job: the jobs that it waits for and those that wait for it, as a graph.

Each job is a row, after all jobs that it waits for; arcs beside the rows lead from each of these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fluxapi.model.jobid import encode_f58
from fluxapi.table.table import Table

from .visible import SHORT, visible

__all__ = ["graph"]

_MAX_JOBS = 24
_ROW = 28
"""Height of a row in the units of the picture."""

_RAIL = 36
"""Width of the picture, whose right edge has the points of the jobs."""

_STEP = 6
"""How far the arc of a dependency bends for each row that it skips."""

_PHRASES = {
    "after": "started", "afterstart": "started", "afterany": "ended", "afterok": "ok",
    "afternotok": "failed", "afterexcept": "exception",
}  # fmt: skip
"""The condition of each scheme, as a key of the texts."""


def graph(
    table: Table, record: Callable[[int], Mapping[str, Any]], jobid: int
) -> dict[str, Any] | None:
    """Return the rows and arcs of the graph around a job, or ``None`` without dependencies."""
    found = table.links.graph(table.get, jobid, _MAX_JOBS)
    if len(found.jobs) == 1:
        return None
    places = {one: at for at, one in enumerate(found.jobs)}
    rows = []
    for one in found.jobs:
        known = record(one) if one in table else {}
        schemes = {scheme for job, _, scheme in found.links if job == one}
        name = encode_f58(one)
        rows.append(
            {
                "id": name,
                "name": visible(known.get("name") or name, SHORT),
                "status": known.get("status", ""),
                "is_own": one == jobid,
                "conditions": sorted(_PHRASES[scheme] for scheme in schemes),
            }
        )
    arcs = []
    for job, target, _ in found.links:
        from_, to = places[target], places[job]
        waits = job in table and table[job].state in {"NEW", "DEPEND"}
        arcs.append(
            {
                "key": f"{target}-{job}",
                "path": _arc(from_, to),
                "waits": waits and not _has_ended(table, target),
            }
        )
    return {
        "rows": rows,
        "arcs": arcs,
        "height": _ROW * len(rows),
        "width": _RAIL,
        "points": [_ROW * at + _ROW / 2 for at in range(len(rows))],
        "is_cut": found.is_cut,
    }


def _arc(first: int, last: int) -> str:
    """Return the path from the point of one row to that of a later one, bent to the left."""
    x, begin, end = _RAIL - 6, _ROW * first + _ROW / 2, _ROW * last + _ROW / 2
    bend = max(x - _STEP * (last - first) - 6, 0)
    return f"M{x} {begin:g}C{bend} {begin:g} {bend} {end:g} {x} {end:g}"


def _has_ended(table: Table, jobid: int) -> bool:
    job = table.get(jobid)
    return job is None or job.is_inactive

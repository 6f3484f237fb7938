"""The page of one group: how far its jobs have come, and their output."""

from __future__ import annotations

from itertools import islice
from typing import Any

from aiohttp import web

from fluxapi.errors import GroupNotFound
from fluxapi.http import keys
from fluxapi.http.negotiation import wants_page
from fluxapi.model.humanize import utc
from fluxapi.model.jobid import encode_f58
from fluxapi.process.timeslice import TimeSlice
from fluxapi.table.groups import GroupRow
from fluxapi.table.job_lists import ascending
from fluxapi.table.table import Table

from .job_counts import BY_RESULT, titled
from .problems import detail_of, title_of
from .rendering import render
from .words import words_of

__all__ = ["group"]

_TIMES = (
    ("group.first_submitted", "t_first_submit"),
    ("group.last_submitted", "t_last_submit"),
    ("group.first_started", "t_first_run"),
    ("group.last_ended", "t_last_inactive"),
)


_MAX_NAMED_JOBS = 1000
"""Jobs of a group whose names are compared."""

_SLICE_JOBS = 256
"""Job IDs that are copied at a time, since the group changes meanwhile."""

_FAILED = frozenset({"FAILED", "TIMEOUT"})


async def group(request: web.Request) -> web.Response:
    """Render the page; its script reads the output, and renews the numbers of active jobs."""
    name, session = request.match_info["group"], request[keys.SESSION]
    try:
        row = session.group(name)
    except GroupNotFound as error:
        if not wants_page(request):
            raise
        words = words_of(request)
        context: dict[str, Any] = {
            "page": "group",
            "title": title_of(words, error),
            "detail": detail_of(words, error),
            "unknown": False,
        }
        return await render(request, "missing.html", context, status=error.status)
    words = words_of(request)
    columns = titled(BY_RESULT, words)
    record = row.record()
    counts = [
        (title, sum(record[member].get(name, 0) for name in names), filter)
        for title, member, names, filter in columns
    ]
    times = [
        (words.text(title), name, record.get(name), utc(record[name]) if record.get(name) else "")
        for title, name in _TIMES
    ]
    context = {
        "page": "group",
        "group": record,
        "name": _name(session.table, row),
        "first_failed": await _first_failed(session.table, row),
        "counts": counts,
        "columns": columns,
        "times": times,
    }
    return await render(request, "group.html", context)


def _name(table: Table, row: GroupRow) -> str:
    """Return the name of the group, or that of its jobs as their list shows it, else the ID."""
    if row.name:
        return row.name
    ids = islice(ascending(table.index.group.get(row.id), 0), _MAX_NAMED_JOBS)
    names = dict.fromkeys(job.name for jobid in ids if (job := table.get(jobid)) is not None)
    first = next(iter(names), "")
    if not first:
        return row.id
    return first if len(names) == 1 else f"{first} …"


async def _first_failed(table: Table, row: GroupRow) -> str:
    """Return the lowest ID of a job of the group that failed, or an empty text."""
    turn, after = TimeSlice(), 0
    while _FAILED & row.record()["results"].keys():
        ids = list(islice(ascending(table.index.group.get(row.id), after + 1), _SLICE_JOBS))
        for jobid in ids:
            job = table.get(jobid)
            if job is not None and job.result in _FAILED:
                return encode_f58(jobid)
        if not ids:
            break
        after = ids[-1]
        await turn.share()
    return ""

"""The page of one group: how far its jobs have come, and their output."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from fluxapi.errors import GroupNotFound
from fluxapi.http import keys
from fluxapi.http.negotiation import wants_page
from fluxapi.model.humanize import utc

from .job_counts import BY_RESULT, titled
from .rendering import render
from .words import words_of

__all__ = ["group"]

_TIMES = (
    ("group.first_submitted", "t_first_submit"),
    ("group.last_submitted", "t_last_submit"),
    ("group.first_started", "t_first_run"),
    ("group.last_ended", "t_last_inactive"),
)


async def group(request: web.Request) -> web.Response:
    """Render the page; its script reads the output, and renews the numbers of active jobs."""
    name = request.match_info["group"]
    try:
        record = request[keys.SESSION].group(name).record()
    except GroupNotFound as error:
        if not wants_page(request):
            raise
        context: dict[str, Any] = {
            "page": "group",
            "title": error.title,
            "detail": error.detail,
            "unknown": False,
        }
        return await render(request, "missing.html", context, status=error.status)
    words = words_of(request)
    columns = titled(BY_RESULT, words)
    counts = [
        (title, sum(record[member].get(name, 0) for name in names), filter)
        for title, member, names, filter in columns
    ]
    times = [
        (words.text(title), record[name], utc(record[name]))
        for title, name in _TIMES
        if record.get(name)
    ]
    context = {
        "page": "group",
        "group": {"name": "", **record},
        "counts": counts,
        "columns": columns,
        "times": times,
    }
    return await render(request, "group.html", context)

"""The page of one group: how far its jobs have come, and their output."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from fluxapi.errors import GroupNotFound
from fluxapi.http import keys
from fluxapi.http.negotiation import wants_page
from fluxapi.model.humanize import utc

from .job_counts import BY_RESULT
from .rendering import render

__all__ = ["group"]

_TIMES = (
    ("First submitted", "t_first_submit"),
    ("Last submitted", "t_last_submit"),
    ("First started", "t_first_run"),
    ("Last ended", "t_last_inactive"),
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
    counts = [
        (title, sum(record[member].get(name, 0) for name in names), filter)
        for title, member, names, filter in BY_RESULT
    ]
    times = [(title, record[name], utc(record[name])) for title, name in _TIMES if record.get(name)]
    context = {
        "page": "group",
        "group": {"name": "", **record},
        "counts": counts,
        "columns": BY_RESULT,
        "times": times,
    }
    return await render(request, "group.html", context)

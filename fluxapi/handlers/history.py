"""Figures of the jobs that have ended, from the history."""

from __future__ import annotations

import time

from aiohttp import web

from fluxapi.archive.archive import Archive
from fluxapi.archive.figures import FiguresQuery, read_figures
from fluxapi.archive.span import Span
from fluxapi.errors import NotSupported, ValidationFailed
from fluxapi.http import authentication, keys
from fluxapi.sessions.past_jobs import NONE_KEPT

from .support import json_bytes, reply

__all__ = ["archive_of", "figures"]

_DAY_S = 86_400.0
_STEPS = 120
_ALL = "all"


def archive_of(request: web.Request) -> Archive:
    """Return the history of the service; raises ``NotSupported``."""
    archive = request.app[keys.ARCHIVE]
    if archive is None:
        raise NotSupported(NONE_KEPT)
    return archive


async def figures(request: web.Request) -> web.Response:
    """Return the figures of a time; the database computes them in a thread."""
    archive, fields = archive_of(request), request[keys.QUERY]
    stored = request[keys.SESSION].past.stored
    until = float(fields.get("until", time.time()))
    since = float(fields.get("since", until - _DAY_S))
    try:
        span = Span.choose(since, until, int(fields.get("steps", _STEPS)))
    except ValueError as error:
        raise ValidationFailed([{"pointer": "/until", "detail": f"{error}."}]) from None
    instance = fields.get("instance", stored.instance if stored else _ALL)
    query = FiguresQuery(
        span,
        None if instance == _ALL else instance,
        fields.get("by"),
        fields.get("order", "ended"),
    )
    # They take longer than other queries, which must find a free thread.
    async with archive.figures_turn:
        found = await archive.reader.run(lambda database: json_bytes(read_figures(database, query)))
    authentication.check_again(request)
    return reply(found)

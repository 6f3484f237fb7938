"""Figures of the jobs that have ended, and how one job compares, from the history."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import web

from fluxapi.archive.archive import Archive
from fluxapi.archive.figures import FiguresQuery, read_figures
from fluxapi.archive.peers import Subject, compare
from fluxapi.archive.span import Span
from fluxapi.errors import HistoryUnavailable, JobNotFound, NotSupported, ValidationFailed
from fluxapi.http import keys
from fluxapi.http.clients import clients_of
from fluxapi.model.jobid import parse
from fluxapi.sessions.past_jobs import NONE_KEPT

from .sending import while_connected
from .support import json_bytes, reply

__all__ = ["archive_of", "comparison", "figures"]

_DAY_S = 86_400.0
_STEPS = 120
_ALL = "all"

_RETRY_FIGURES_S = 10


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
    client, requests = clients_of(request)[-1], archive.figures_requests
    if not requests.has_room(client, 1):
        raise HistoryUnavailable(
            f"{requests.used} requests for figures wait already; try again later.",
            retry_after=_RETRY_FIGURES_S,
        )
    requests.add(client, 1)
    try:
        found = await _computed(request, archive, query)
    finally:
        requests.add(client, -1)
    return reply(found)


async def _computed(request: web.Request, archive: Archive, query: FiguresQuery) -> bytes:
    # Figures take longer than other queries, which must find a free thread.
    client = await while_connected(request, archive.figures_turn.take())
    try:
        return await archive.reader.run(lambda database: json_bytes(read_figures(database, query)))
    finally:
        archive.figures_turn.give_back(client)


async def comparison(request: web.Request) -> web.Response:
    """Return how the wait and the run time of a job compare with those of its peers."""
    archive, past = archive_of(request), request[keys.SESSION].past
    text = request.match_info["id"]
    try:
        record: Mapping[str, Any] = request[keys.SESSION].observer.record(
            request[keys.SESSION].job(text).id
        )
    except JobNotFound:
        record = msgspec.json.decode((await past.find(text)).record)
    subject = _subject(record, time.time())
    instance = past.records.instance
    found = await archive.reader.run(lambda database: compare(database, instance, subject))
    return reply(found)


def _subject(record: Mapping[str, Any], now: float) -> Subject:
    """Return the job of a record as of *now*."""
    is_inactive = "t_inactive" in record
    begin, started = record.get("t_submit"), record.get("t_run")
    wait = run = None
    # A job that is held, or waits for another one or a time, waits as it was told to.
    is_told = record.get("state") == "DEPEND" or record.get("urgency") == 0
    if begin is not None and (started or not (is_inactive or is_told)):
        wait = max((started or now) - begin, 0.0)
    if started:
        ended = record.get("t_cleanup") or record.get("t_inactive") or now
        run = max(ended - started, 0.0)
    return Subject(
        parse(record["id"]),
        record.get("name", ""),
        record.get("queue", ""),
        wait,
        run,
        is_inactive or "t_cleanup" in record,
    )

"""List, search, read and wait for jobs; the table alone answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
from aiohttp import hdrs, web

from fluxapi.archive.listing import Scope
from fluxapi.errors import FluxRefused, JobNotFound
from fluxapi.events.filters import read_ids
from fluxapi.http import keys
from fluxapi.http.negotiation import accepted, takes_gzip
from fluxapi.http.turns import turn_in
from fluxapi.instance.protocol import LookupKey
from fluxapi.model.eventlog import valid_lines
from fluxapi.model.job import Job
from fluxapi.model.jobid import encode_f58
from fluxapi.process.timeslice import TimeSlice
from fluxapi.sessions.pages import Listing
from fluxapi.sessions.row_text import text_of
from fluxapi.table.query import JobQuery, count, page, query_of

from . import past_jobs
from .rows import reply_rows
from .support import check_running, job_of, json_bytes, reply

__all__ = [
    "MAX_LOOKUPS",
    "eventlog",
    "jobspec",
    "list_jobs",
    "record",
    "resource_set",
    "search",
    "wait",
]

MAX_PAGE = 1000

MAX_LOOKUPS = 8
"""Texts that are read at the same time: each may have megabytes, and its copies as much again."""

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])

_GZIP: dict[str, str] = {hdrs.CONTENT_ENCODING: "gzip", hdrs.VARY: hdrs.ACCEPT_ENCODING}


def _listing(fields: Mapping[str, Any]) -> Listing:
    """Return the page that a valid query asks for."""
    below = fields.get("page")
    after = int(below, 16) if below else None
    return Listing(query_of(fields, read_ids(fields)), int(fields.get("limit", MAX_PAGE)), after)


async def list_jobs(request: web.Request) -> web.StreamResponse:
    """Return a page of jobs, newest first."""
    fields = request[keys.QUERY]
    if fields.get("history") or "instance" in fields:
        query, limit, after = _listing(fields)
        scope = Scope(fields.get("instance"), after)
        return reply(await past_jobs.page(request, scope, query, limit))
    session = request[keys.SESSION]
    if session.is_reading and not len(session.table):
        raise session.journal.still_reading()
    # Read the cursor before the page, so that a client that resumes from it misses nothing.
    end = b',"cursor":"%b"}' % session.hub.buffer.cursor
    raw, find = request.rel_url.raw_query_string, partial(_listing, fields)
    text, is_gzip = await session.pages.read(raw, find, end, takes_gzip=takes_gzip(request))
    return await reply_rows(request, text, headers=_GZIP if is_gzip else None)


async def search(request: web.Request) -> web.StreamResponse:
    """Answer a server-side request of DataTables."""
    fields = request[keys.QUERY]
    session = request[keys.SESSION]
    table = session.table
    text = fields.get("search[value]") or fields.get("search") or fields.get("query")
    length = int(fields.get("length", MAX_PAGE))
    limit = MAX_PAGE if length < 0 else min(length, MAX_PAGE)
    query = JobQuery(text=text)
    filtered = await count(table, query)
    ids: Sequence[int] = ()
    if limit:
        ids = (await page(table, query, limit=limit, offset=int(fields.get("start", 0)))).ids
    head = {
        "draw": int(fields.get("draw", 0)),
        "recordsTotal": len(table),
        "recordsFiltered": filtered,
    }
    begin = json_bytes(head)[:-1] + b',"data":['
    rows = session.observer.lists(ids)
    return await reply_rows(request, await text_of(begin, rows, lambda: b"]}"))


async def record(request: web.Request) -> web.Response:
    """Return one job, with what is known of the instance that it is, if it is one."""
    session = request[keys.SESSION]
    try:
        job = job_of(request)
    except JobNotFound:
        return reply((await session.past.find(request.match_info["id"])).record)
    row = session.observer.encode(job.id)
    line = await session.queues.line(job)
    if line is not None:
        row = row[:-1] + b',"line":' + json_bytes(line) + b"}"
    path = f"{session.path}/{encode_f58(job.id)}".removeprefix("/")
    node = request.app[keys.TREE].find(path)
    if node is None:
        return reply(row)
    return reply(row[:-1] + b',"instance":' + json_bytes(node.record()) + b"}")


def _over(job: Job | None) -> bool:
    return job is None or job.is_inactive


async def wait(request: web.Request) -> web.Response:
    """Return the record once the job is inactive or the timeout has expired."""
    session = request[keys.SESSION]
    try:
        job = job_of(request)
    except JobNotFound:
        return reply((await session.past.find(request.match_info["id"])).record)
    timeout = float(request[keys.QUERY].get("timeout", 30.0))
    left = await session.journal.waiters.wait(job.id, _over, timeout)
    if not _over(left):
        check_running(session)
    if job.id not in session.table:
        return reply((await session.past.find(request.match_info["id"])).record)
    return reply(session.observer.encode(job.id))


async def eventlog(request: web.Request) -> web.Response:
    """Return the eventlog: a JSON list, or the RFC 18 text as Flux stores it."""
    kind = accepted(request, ("application/json", "text/plain", "application/x-ndjson"))
    key: LookupKey = request[keys.QUERY].get("path", "eventlog")
    text = await _lookup(request, key)
    if kind != "application/json":
        return web.Response(body=text.encode(), content_type=kind, charset="utf-8")
    entries: list[bytes] = []
    turn = TimeSlice()
    for line in valid_lines(text.encode().split(b"\n")):
        await turn.share()
        if line:
            entries.append(line)
    return reply(b"[%b]" % b",".join(entries))


async def jobspec(request: web.Request) -> web.Response:
    """Return the jobspec as Flux stores it."""
    return reply(_object(await _lookup(request, "jobspec"), "jobspec"))


async def resource_set(request: web.Request) -> web.Response:
    """Return R as Flux stores it."""
    return reply(_object(await _lookup(request, "R"), "R"))


def _object(text: str, key: LookupKey) -> bytes:
    """Return a JSON object as it is; raise ``FluxRefused`` if a job has replaced it."""
    raw = text.encode()
    try:
        _members.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise FluxRefused(f"the {key} of the job is not a JSON object") from None
    return raw


async def _lookup(request: web.Request, key: LookupKey) -> str:
    """Return what Flux has of a job, or what the history has of one that Flux has purged."""
    session = request[keys.SESSION]
    async with turn_in(request, request.app[keys.LOOKUPS]):
        try:
            return await session.instance.lookup(job_of(request).id, key)
        except JobNotFound:
            past = await session.past.find(request.match_info["id"])
            return await session.past.records.lookup(past.id, key)

"""The pages of the dashboard, which are complete without scripts and live with them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec
from aiohttp import web
from msgspec.structs import replace

from fluxapi.archive.stored_output import Omitted
from fluxapi.archive.stored_records import StoredRecords
from fluxapi.errors import (
    FluxapiError,
    JobNotFound,
    Unauthorized,
    Unavailable,
    ValidationFailed,
)
from fluxapi.http import keys
from fluxapi.http.negotiation import wants_page
from fluxapi.http.peer import is_secure
from fluxapi.http.turns import turn_in
from fluxapi.model.job import GROUPS, RESULTS, STATES
from fluxapi.model.jobid import parse
from fluxapi.table.name_pattern import is_pattern
from fluxapi.table.query import JobQuery, page, query_of
from fluxapi.table.table import Table

from . import assets, columns, form, login
from .closed_instance import closed_instance
from .drained_nodes import drained_nodes
from .embedded import embedded
from .held_queues import held_queues
from .job_counts import BY_RESULT, titled
from .job_detail import PARTS, Records, job_detail, job_part
from .job_links import graph
from .job_said import note_pieces, pieces
from .job_start import latest_of, line_of, start_of
from .problems import detail_of, fields_of, title_of
from .rendering import render
from .view_filters import problem, valid
from .words import Words, words_of

__all__ = ["MAX_JOB_PAGES", "error", "job", "jobs", "static", "submit"]

_MAX_ROWS = 50
"""Jobs in the page before its script has run."""

MAX_JOB_PAGES = 8
"""Pages of jobs that are made at the same time: one with thousands of events takes megabytes."""

_SHORT_PARTS = frozenset({"record", "links", "kept"})
"""Parts of the page of a job that need no request to Flux."""

_STATES = tuple(word.lower() for word in (*list(GROUPS)[:2], *RESULTS, "ACTIVE", *STATES))
"""The words for a state that a form offers."""

_RESULTS = frozenset(RESULTS)

_VIEW = ("state", "result", "text", "since", "until", "ended", "held", *columns.FILTERS)


async def jobs(request: web.Request) -> web.Response:
    """Render the table of jobs, under the filters in the address."""
    session, words = request[keys.SESSION], words_of(request)
    table, observer = session.table, session.observer
    given = {name: ",".join(request.query.getall(name, ())).strip() for name in _VIEW}
    if not given["state"] and _RESULTS.issuperset(given["result"].upper().split(",")):
        # A result is a word for a state, too, and the page has one field for both.
        given["state"], given["result"] = given["result"], ""
    # Read the cursor before the page, so that a client that resumes from it misses nothing.
    cursor = session.journal.cursor
    query, refused = valid(given)
    found = await page(table, _query(query), limit=_MAX_ROWS)
    rows = [observer.record(jobid, words.text) for jobid in found.ids if jobid in table]
    first = {
        "jobs": rows,
        "cursor": cursor,
        # True if the rows are all jobs, so that the stream has to send only changes.
        "whole": session.journal.has_caught_up and not query and found.next is None,
        "total": len(table),
        "refused": list(refused),
    }
    return await render(
        request,
        "jobs.html",
        {
            "page": "jobs",
            "refused": [problem(words, key, name, given[name]) for name, key in refused.items()],
            "jobs": rows,
            "columns": columns.first_columns(rows),
            "text": partial(columns.text, words),
            "note_of": partial(note_pieces, say=words.text),
            "inputs": columns.FILTERS,
            "found": columns.found(words),
            "first": embedded(first),
            "filters": {name: "" if name in refused else text for name, text in given.items()},
            "states": _STATES,
            "counts": _counts(table.stats(), words),
            "total": len(table),
            "held": await held_queues(request),
        },
        status=ValidationFailed.status if refused else 200,
    )


def _counts(stats: Mapping[str, Any], words: Words) -> list[tuple[str, str, str, int]]:
    """Return filter, title, status and number of jobs of each count, that of all jobs first."""
    counts = [
        (
            count.filter.split("=", 1)[1].lower(),
            count.title,
            count.filter.split("=", 1)[1],
            sum(stats[count.member].get(name, 0) for name in count.names),
        )
        for count in titled(BY_RESULT, words)
    ]
    return [("", words.text("jobs.all"), "", stats["total"]), *counts]


async def job(request: web.Request) -> web.Response:
    """Render the page of one job, or one part of it."""
    if request[keys.QUERY].get("part") in _SHORT_PARTS:
        return await _job(request)
    async with turn_in(request, request.app[keys.JOB_PAGES]):
        return await _job(request)


async def _job(request: web.Request) -> web.Response:
    session = request[keys.SESSION]
    # Read the cursor before the requests to Flux: later changes arrive over the event channel.
    cursor = session.journal.cursor
    try:
        record, records = await _found(request, request.match_info["id"])
    except (JobNotFound, Unavailable) as error:
        if not wants_page(request):
            raise
        return await render(
            request,
            "missing.html",
            {
                "page": "job",
                "title": title_of(words_of(request), error),
                "detail": detail_of(words_of(request), error),
                "unknown": isinstance(error, JobNotFound),
            },
            status=error.status,
            headers=error.headers,
        )
    jobid, part = parse(record["id"]), request[keys.QUERY].get("part")
    shared: dict[str, Any] = {
        "page": "job",
        "job": _Blank(record),
        "below": _below(request, record["id"]),
        "inside": request.app[keys.INSIDE].find(session.path, record["id"]),
    }
    if part in {None, "links"}:
        shared["links"] = graph(session.table, session.observer.record, jobid, words_of(request))
    if part in {None, "kept"}:
        shared["omitted"] = await _omitted(records, jobid)
    node = request.app[keys.TREE].find(session.path)
    now = (node and node.as_of) or time.time()
    shared["starts"] = start_of(session.table.get, record)
    waiting = session.table.get(jobid)
    shared["line"] = shared["latest"] = None
    if waiting:
        line = await session.queues.line(waiting)
        is_blocked = session.observer.is_blocked(record)
        shared["line"] = line_of(line, record, now, words_of(request), is_blocked=is_blocked)
        shared["latest"] = latest_of(line, record, now, is_blocked=is_blocked)
    shared["drained"] = drained_nodes(session.observer, record, words_of(request))
    shared["said"] = partial(
        pieces,
        record=record,
        name=partial(_name, session.table),
        nodes_and_job=session.observer.named_in_reason(record, words_of(request).text),
    )
    if part is not None:
        context = await job_part(part, records, jobid, record, now, words=words_of(request))
        return await render(request, "job_part.html", {**shared, **context, "parts": PARTS[part]})
    context = await job_detail(records, jobid, record, now, words=words_of(request))
    start = {"cursor": cursor, "keeps_history": session.past.stored is not None}
    context["start"] = embedded({**context["start"], **start})
    context["scripts"] = session.capabilities.scripts
    return await render(request, "job.html", {**shared, **context})


def _name(table: Table, jobid: str) -> str:
    """Return the name of a job, or an empty text if the table does not have it."""
    try:
        job = table.get(parse(jobid))
    except ValueError:
        return ""
    return job.name if job is not None else ""


async def _found(request: web.Request, text: str) -> tuple[Mapping[str, Any], Records]:
    """Return the record of a job, and what reads its other data: Flux, or the history."""
    session, words = request[keys.SESSION], words_of(request)
    try:
        return session.observer.record(session.job(text).id, words.text), session.instance
    except JobNotFound:
        past = await session.past.find(text)
        record: dict[str, Any] = msgspec.json.decode(past.record)
        return record, session.past.records


async def _omitted(records: Records, jobid: int) -> Omitted | None:
    """Return what the history has left out of the output of a past job."""
    if not isinstance(records, StoredRecords):
        return None
    try:
        return await records.omitted(jobid)
    except FluxapiError:
        # The page says itself that the output cannot be read.
        return None


def _below(request: web.Request, jobid: str) -> str:
    """Return the path of the instance that a job is, or an empty text if there is none to see."""
    path = f"{request[keys.SESSION].path}/{jobid}".strip("/")
    node = request.app[keys.TREE].find(path)
    if node is None or (node.state == "ended" and node.session is None):
        return ""
    return path


async def submit(request: web.Request) -> web.Response:
    """Render the form to submit a job or an array of jobs."""
    session = request[keys.SESSION]
    try:
        queues = await session.instance.queues()
        takes_queue = any(queue.name for queue in queues)
    except FluxapiError:
        queues, takes_queue = [], True
    context = {
        "page": "submit",
        "takes_queue": takes_queue,
        "fields": form.fields(),
        "facts": embedded(form.facts()),
        "parts": form.PARTS,
        "queues": [queue for queue in queues if queue.name],
        "default_queue": next((queue.name for queue in queues if queue.default), ""),
        "default_limits": msgspec.json.encode(
            {queue.name: queue.policy.default_duration or 0 for queue in queues}
        ).decode(),
        "longest_limits": msgspec.json.encode(
            {queue.name: queue.policy.max_duration or 0 for queue in queues}
        ).decode(),
        "default_cwd": session.info.cwd or "",
        "launchers": session.defaults.launchers,
        "scripts": session.capabilities.scripts,
        "service": _address(request),
    }
    return await render(request, "submit.html", context)


def _address(request: web.Request) -> str:
    """Return the address of the service as the browser sees it, as far as that is known."""
    scheme = "https" if is_secure(request, request.app[keys.SETTINGS].trust_from) else "http"
    return f"{scheme}://{request.host}{request[keys.BASE]}"


async def error(request: web.Request, problem: FluxapiError) -> web.Response:
    """Render an error; only an authenticated reader sees anything of the service."""
    if isinstance(problem, Unauthorized):
        return await login.ask(request, problem)
    context = {
        "page": "docs" if "guide" in request.match_info else "error",
        "here": "",
        "problem": problem,
        "title": title_of(words_of(request), problem),
        "detail": detail_of(words_of(request), problem),
        "errors": fields_of(words_of(request), problem),
        "needed": problem.members.get("needed", ""),
        "held": problem.members.get("held", ""),
        "request_id": request.get(keys.REQUEST_ID, ""),
        "of_job": None,
        **closed_instance(request, problem),
    }
    return await render(request, "error.html", context, status=problem.status)


async def static(request: web.Request) -> web.Response:
    """Return a file that pages load."""
    return assets.asset(request, request.app[keys.ASSETS])


class _Blank(dict[str, Any]):
    """A record whose missing members are empty."""

    def __missing__(self, _key: str) -> str:
        return ""


def _query(fields: Mapping[str, Any]) -> JobQuery:
    """Return the query of a view, in which a name without ``*`` matches a part of the job name."""
    query = query_of(fields)
    if query.name is None or is_pattern(query.name):
        return query
    return replace(query, name=None, name_part=query.name)

"""The page of all nodes, and the page of one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from fluxapi.errors import FluxapiError, NotFound, NotSupported
from fluxapi.http import keys
from fluxapi.http.negotiation import wants_page
from fluxapi.instance.protocol import Queue
from fluxapi.model.humanize import note, utc
from fluxapi.model.message import problem as problem_of
from fluxapi.table.query import page, query_of

from .embedded import embedded
from .job_times import latest_end
from .nodes import KINDS, SORTS, STATE_HELP, STATE_TEXTS, STATES, arrange, states, with_jobs
from .problems import detail_of, title_of
from .rendering import few_at_once, render
from .words import Words, words_of

__all__ = ["node", "nodes"]

_MAX_NODES = 250
"""Nodes in the page before its script has run, and running jobs on them."""

_MAX_JOBS = 50
"""Jobs of a node in each list of its page."""

_FILTERS = ("state", "text", "queue", "sort")


@few_at_once(keys.LIST_PAGES)
async def nodes(request: web.Request) -> web.Response:
    """Render the nodes with their state, use and jobs, those with problems first."""
    session, t = request[keys.SESSION], words_of(request)
    given = {name: request[keys.QUERY].get(name, "") for name in _FILTERS}
    is_past = session.info.kind == "archive"
    try:
        found, wrong = await session.nodes.read(), ""
    except NotSupported as error:
        found, wrong = {"nodes": [], "totals": None}, "" if is_past else detail_of(t, error)
    except FluxapiError as error:
        known = session.observer.last_nodes
        found = known or {"nodes": [], "totals": None}
        wrong = detail_of(t, error)
        if known:
            wrong = t.text("nodes.last_known", why=wrong)
    queues = [] if is_past else await _queues(request)
    table = session.table
    running = await page(table, query_of({"state": ["RUNNING"]}), limit=_MAX_NODES)
    jobs = [table.record(jobid) for jobid in running.ids if jobid in table]
    rows = await asyncio.to_thread(arrange, found["nodes"], queues, given)
    # The ranks of a job may be a long text.
    shown = await asyncio.to_thread(with_jobs, rows[:_MAX_NODES], jobs)
    context = {
        "page": "nodes",
        "filters": given,
        "states": STATES,
        "state_texts": STATE_TEXTS,
        "kinds": KINDS,
        "queues": queues,
        "queues_of": embedded(queues),
        "nodes": shown,
        "total": len(rows),
        "totals": found["totals"],
        "free": {kind: _free(found["nodes"], kind) for kind, _, _ in KINDS},
        "has_properties": any(row.get("properties") for row in found["nodes"]),
        "has_reasons": any("drained_at" in row for row in rows),
        "has_both": any("drained_at" in row and row["jobs"] for row in shown),
        "has_two_states": any(len(row["states"]) > 1 for row in rows),
        "sorts": SORTS,
        "taken": sum(row["allocated"] for row in found["nodes"]),
        "start": session.info.starttime,
        "utc": utc,
        "is_past": is_past,
        "wrong": wrong,
        # The script asks for the nodes itself, unless that must fail.
        "last": embedded(found["nodes"]) if wrong and found["nodes"] else "",
    }
    return await render(request, "nodes.html", context)


def _free(found: Sequence[Mapping[str, Any]], kind: str) -> int:
    """Return how many cores or GPUs are free on nodes that are up: the others start no job."""
    return sum(it[kind]["total"] - it[kind]["allocated"] for it in found if it["state"] == "up")


async def _queues(request: web.Request) -> list[dict[str, Any]]:
    """Return the named queues with the properties of their nodes; none if they are not known."""
    try:
        queues: Sequence[Queue] = await request[keys.SESSION].instance.queues()
    except FluxapiError:
        return []
    return [
        {"name": queue.name, "requires": list(queue.policy.requires)}
        for queue in queues
        if queue.name
    ]


@few_at_once(keys.PAST_PAGES)
async def node(request: web.Request) -> web.Response:
    """Render one host with its brokers and jobs, or only what changes of it."""
    session = request[keys.SESSION]
    name, rank = request.match_info["node"], request[keys.QUERY].get("rank")
    problem: FluxapiError | None = None
    brokers: list[dict[str, Any]] = []
    try:
        brokers = (await session.nodes.find(name))["nodes"]
    except FluxapiError as error:
        problem = error
    jobs = await session.nodes.jobs.read(name, rank)
    shown = [it for it in brokers if rank is None or it["rank"] == rank]
    if not shown and not jobs.running and not jobs.ended and _is_unknown(problem):
        return await _missing(request, problem)
    now, words = time.time(), words_of(request)
    context = {
        "page": "nodes",
        "state_texts": STATE_TEXTS,
        "state_help": STATE_HELP,
        "kinds": KINDS,
        "name": name,
        "rank": rank,
        "ranks": [it["rank"] for it in brokers],
        "brokers": [{**it, "states": states(it)} for it in shown],
        "totals": {
            kind: {count: sum(it[kind][count] for it in shown) for count in ("allocated", "total")}
            for kind in ("cores", "gpus")
        },
        "wrong": "" if problem is None else detail_of(words, problem),
        "is_past": session.info.kind == "archive",
        "is_gone": isinstance(problem, NotFound),
        "running": [_shown(record, now, words) for record in jobs.running[:_MAX_JOBS]],
        "running_total": len(jobs.running),
        "last_end": _last_end(jobs.running),
        "past": [_shown(record, now, words) for record in _latest(jobs.ended)],
        "is_cut": jobs.is_cut or len(jobs.ended) > _MAX_JOBS,
        "history_problem": jobs.problem,
        "start": session.info.starttime,
        "utc": utc,
    }
    part = request[keys.QUERY].get("part")
    return await render(request, "node_part.html" if part else "node.html", context)


def _last_end(records: Sequence[Mapping[str, Any]]) -> float | None:
    """Return when all of several jobs have ended; ``None`` if one of them has no time limit."""
    ends = [latest_end(record) for record in records]
    known = [end for end in ends if end is not None]
    return max(known) if len(ends) == len(known) > 1 else None


def _latest(records: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the jobs that ended last, the latest first; IDs are in the order of submission."""
    return sorted(records, key=lambda it: it.get("t_inactive") or 0.0, reverse=True)[:_MAX_JOBS]


def _is_unknown(problem: FluxapiError | None) -> bool:
    return problem is None or isinstance(problem, NotFound | NotSupported)


async def _missing(request: web.Request, problem: FluxapiError | None) -> web.Response:
    """Render that there is no such node; a broker of another rank is none, either.

    Raises:
        NotFound: A program asks.
    """
    found = problem or NotFound(problem_of("no_rank"))
    if not isinstance(found, NotFound):
        found = NotFound(found.coded or found.detail)
    if not wants_page(request):
        raise found
    words = words_of(request)
    said = {"title": title_of(words, found), "detail": detail_of(words, found)}
    context = {"page": "nodes", **said, "unknown": False}
    return await render(request, "missing.html", context, status=found.status)


def _shown(record: Mapping[str, Any], now: float, words: Words) -> dict[str, Any]:
    """Return a job with what its row says."""
    begin, ended = record.get("t_run"), record["state"] == "INACTIVE"
    end = record.get("t_cleanup", record.get("t_inactive", now))
    return {
        "name": "",
        "username": "",
        **record,
        "runtime": ""
        if begin is None
        else words.duration(end - begin if ended else int(end - begin)),
        "end": latest_end(record),
        "limit": words.duration(record["duration"]) if record.get("duration") else "",
        "note": note(record, words.text) if ended else "",
    }

"""Cancel and signal jobs and set their urgency; the journal shows the effect."""

from __future__ import annotations

import asyncio
import signal as signals
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

from aiohttp import web
from msgspec.structs import replace

from fluxapi.errors import FluxapiError, InstanceUnavailable, JobInactive
from fluxapi.http import authentication, keys
from fluxapi.model.exception_type import check_exception_type
from fluxapi.model.job import GROUPS, Job
from fluxapi.model.jobid import encode_f58
from fluxapi.model.jobspec import parse_urgency
from fluxapi.model.memo import check_memo
from fluxapi.model.message import problem
from fluxapi.process.timeslice import TimeSlice
from fluxapi.sessions.session import InstanceSession
from fluxapi.table.query import JobQuery, page, query_of
from fluxapi.table.table import Table

from .support import job_of, reply

__all__ = ["cancel", "cancel_job", "cancel_many", "memo", "raise_exception", "signal", "urgency"]

_MAX_CANCELED_JOBS = 10_000
"""Jobs that one request can cancel."""

_MAX_CONCURRENT_CANCELS = 64
"""Cancellations that wait for an answer at the same time."""

_ACTIVE = frozenset(GROUPS["ACTIVE"])


def _active(job: Job, ended: str) -> Job:
    """Return *job*; raise ``JobInactive`` with the code *ended* if it has ended."""
    if job.is_inactive:
        raise JobInactive(problem(ended, job=encode_f58(job.id)))
    return job


def _requested(job: Job, message: str) -> web.Response:
    return reply({"id": encode_f58(job.id), "Message": message}, status=202)


async def cancel(request: web.Request) -> web.Response:
    """Ask Flux to cancel a job."""
    job = job_of(request)
    await cancel_job(request[keys.SESSION], job, request[keys.BODY].get("note"))
    return _requested(job, "Job is requested to cancel.")


async def cancel_job(session: InstanceSession, job: Job, note: str | None) -> None:
    """Ask Flux to cancel a job; raises ``JobInactive``."""
    await _raise(session, _active(job, "ended_cancel").id, "cancel", 0, note)


async def _raise(
    session: InstanceSession, jobid: int, kind: str, severity: int, note: str | None
) -> None:
    """Raise an exception; those of a job that does not end by them count toward its limit."""
    job = session.table.get(jobid)
    is_added = severity > 0 or (job is not None and job.state == "CLEANUP")
    with session.added.adding(jobid, {"type": kind, "note": note}) if is_added else nullcontext():
        await session.instance.raise_exception(jobid, kind, severity, note)


async def raise_exception(request: web.Request) -> web.Response:
    """Raise an exception of any type and severity for a job."""
    body = request[keys.BODY]
    check_exception_type(body.get("type", "cancel"))
    kind, severity = body.get("type", "cancel"), int(body.get("severity", 0))
    job = _active(job_of(request), "ended_raise")
    await _raise(request[keys.SESSION], job.id, kind, severity, body.get("note"))
    return _requested(job, f"Job is given an exception of severity {severity}.")


async def memo(request: web.Request) -> web.Response:
    """Post a memo to a job."""
    body = request[keys.BODY]
    job = _active(job_of(request), "ended_memo")
    check_memo(body["memo"])
    session, volatile = request[keys.SESSION], bool(body.get("volatile"))
    session.annotations.add(job.id, body["memo"])
    with nullcontext() if volatile else session.added.adding(job.id, body["memo"]):
        await session.instance.post_memo(job.id, body["memo"], volatile=volatile)
    return _requested(job, "Job is given a memo.")


async def signal(request: web.Request) -> web.Response:
    """Send a signal to all tasks of a running job."""
    number = _signal_number(request[keys.BODY]["signal"])
    job = _active(job_of(request), "ended_signal")
    await request[keys.SESSION].instance.kill(job.id, number)
    return _requested(job, f"Job is sent signal {number}.")


def _signal_number(value: float | str) -> int:
    if isinstance(value, str) and not value.isdigit():
        return signals.Signals[value if value.startswith("SIG") else f"SIG{value}"]
    return int(value)


async def urgency(request: web.Request) -> web.Response:
    """Set the urgency of a pending job."""
    value = parse_urgency(request[keys.BODY]["urgency"])
    job = _active(job_of(request), "ended_urgency")
    session = request[keys.SESSION]
    # The job manager adds the new priority, too.
    with session.added.adding(job.id, {"urgency": value}, events=2):
        await session.instance.set_urgency(job.id, value)
    return _requested(job, f"Job is given urgency {value}.")


async def cancel_many(request: web.Request) -> web.Response:
    """Ask Flux to cancel the jobs of a list or a filter."""
    body = request[keys.BODY]
    note = body.get("note")
    table = request[keys.SESSION].table
    wrong: list[dict[str, Any]] = []
    if body.get("ids") is not None:
        ids = await _named(request, body["ids"], wrong)
    else:
        ids = await _matching(table, _only_active(query_of(body["filter"])))
    ids = await _quickly_canceled(table, ids)
    more = len(ids) > _MAX_CANCELED_JOBS
    taken = await _cancel_all(request, ids[:_MAX_CANCELED_JOBS], note, wrong)
    count = taken or "No"
    message = f"{count} {'job is' if taken <= 1 else 'jobs are'} requested to cancel."
    return reply(
        {
            "requested": taken,
            "failed": len(wrong),
            "errors": wrong,
            "more": more,
            "Message": message,
        },
        status=202,
    )


def _only_active(query: JobQuery) -> JobQuery:
    states = _ACTIVE if query.states is None else query.states & _ACTIVE
    return replace(query, states=states)


async def _named(
    request: web.Request, texts: Sequence[str], wrong: list[dict[str, Any]]
) -> list[int]:
    """Return the active jobs of a list of IDs, each once."""
    session = request[keys.SESSION]
    ids: dict[int, None] = {}
    turn = TimeSlice()
    for text in texts:
        await turn.share()
        try:
            jobid = _active(session.job(text), "ended_cancel").id
        except FluxapiError as error:
            wrong.append({"id": text, "error": error.problem(request[keys.BASE])})
        else:
            ids[jobid] = None
    return list(ids)


async def _matching(table: Table, query: JobQuery) -> list[int]:
    """Return all jobs that match, the newest first."""
    found = await page(table, query, limit=_MAX_CANCELED_JOBS)
    ids = found.ids
    while found.next is not None:
        found = await page(table, query, limit=_MAX_CANCELED_JOBS, after=found.next)
        ids += found.ids
    return ids


async def _quickly_canceled(table: Table, ids: Sequence[int]) -> list[int]:
    """Return jobs in an order in which Flux cancels them quickly, and starts none meanwhile.

    Flux looks for a job that waits for others among all such jobs, from the oldest on (flux-core,
    job-manager/plugins/dependency-after.c). The jobs without dependents come first, since the end
    of another one could start a job.
    """
    oldest: list[int] = []
    others: list[int] = []
    turn = TimeSlice()
    for jobid in ids:
        await turn.share()
        job = table.get(jobid)
        waits = job is not None and job.state == "DEPEND"
        (oldest if waits and not table.links.count(jobid) else others).append(jobid)
    return sorted(oldest) + others


async def _cancel_all(
    request: web.Request, ids: Sequence[int], note: str | None, wrong: list[dict[str, Any]]
) -> int:
    session, base = request[keys.SESSION], request[keys.BASE]
    taken = 0
    for start in range(0, len(ids), _MAX_CONCURRENT_CANCELS):
        authentication.check_again(request)
        some = ids[start : start + _MAX_CONCURRENT_CANCELS]
        results = await asyncio.gather(
            *(_raise(session, jobid, "cancel", 0, note) for jobid in some),
            return_exceptions=True,
        )
        for jobid, result in zip(some, results, strict=True):
            if result is None:
                taken += 1
            elif isinstance(result, InstanceUnavailable) and not taken:
                raise result
            elif isinstance(result, FluxapiError):
                wrong.append({"id": encode_f58(jobid), "error": result.problem(base)})
            else:
                raise result
    return taken

"""Collect the ends of waitable jobs, each once: ``POST /jobs/collect``.

The table tells which jobs have ended, and the instance hands out the end of each once. So a request
that waits holds nothing in Flux, and programs that use Flux itself take their share.
"""

from __future__ import annotations

import asyncio
import errno
import time
from collections.abc import Iterable

from aiohttp import web

from fluxapi.errors import Conflict, FluxRefused
from fluxapi.http import authentication, keys
from fluxapi.http.clients import clients_of
from fluxapi.model.job_end import JobEnd
from fluxapi.model.jobid import encode_f58, parse
from fluxapi.process.timeslice import check_client
from fluxapi.sessions.session import InstanceSession

from .support import check_running, reply

__all__ = ["collect"]

_MAX_CONCURRENT = 64
"""Jobs that Flux is asked for at the same time."""


async def collect(request: web.Request) -> web.Response:
    """Return how waitable jobs have ended; wait for the first end, or that of one job."""
    session, body = request[keys.SESSION], request[keys.BODY]
    deadline = time.monotonic() + float(body.get("timeout", 30.0))
    if "id" in body:
        found = await _collect_one(request, body["id"], deadline)
    else:
        found = await _collect_any(request, int(body.get("limit", 1)), deadline)
    jobs = [
        {"id": encode_f58(jobid), "success": end.success, "message": end.message}
        for jobid, end in found.items()
    ]
    return reply({"jobs": jobs, "active": session.table.waitable.active_count})


async def _collect_one(request: web.Request, text: str, deadline: float) -> dict[int, JobEnd]:
    """Return the end of one job, or nothing at the deadline."""
    session = request[keys.SESSION]
    jobid = _purged(session, text)
    if jobid is None:
        job = session.job(text)
        jobid = job.id
        if not job.is_inactive:
            if jobid not in session.table.waitable:
                raise Conflict("job was not submitted with FLUX_JOB_WAITABLE")
            left = max(deadline - time.monotonic(), 0.0)
            await session.journal.waiters.wait_for_ends(
                [jobid], left, needs_all=True, client=clients_of(request)[-1]
            )
            authentication.check_again(request)
            now = session.table.get(jobid)
            if now is not None and not now.is_inactive:
                check_running(session)
                return {}
    found = await _take(session, [jobid])
    if not found:
        raise Conflict("invalid job id, or job may be inactive and not waitable")
    return found


def _purged(session: InstanceSession, text: str) -> int | None:
    """Return the ID of a job that is not in the table anymore, if it can be collected."""
    try:
        jobid = parse(text)
    except ValueError:
        return None
    table = session.table
    return jobid if jobid not in table and table.waitable.has_ended(jobid) else None


async def _collect_any(request: web.Request, limit: int, deadline: float) -> dict[int, JobEnd]:
    """Return the ends of at most *limit* jobs, once there is one; nothing at the deadline."""
    session = request[keys.SESSION]
    waitable, waiters = session.table.waitable, session.journal.waiters
    try:
        while True:
            ended = waitable.ended(min(limit, _MAX_CONCURRENT))
            if ended:
                found = await _take(session, ended)
                if found:
                    return found
                continue  # Another program has collected them, so look for others.
            left = deadline - time.monotonic()
            if waitable.active_count:
                check_running(session)
            if not waitable.active_count or left <= 0 or waiters.is_released:
                return {}
            await waiters.wait_for_collectable(left)
            authentication.check_again(request)
    finally:
        # A request that fails or leaves may have been resumed for an end that others wait for.
        waiters.resume_collectors()


async def _take(session: InstanceSession, jobids: Iterable[int]) -> dict[int, JobEnd]:
    """Take the ends of inactive jobs from the instance, without those that are taken already.

    Raises:
        FluxapiError: The instance does not answer, and none was taken.
        ConnectionResetError: The client has left, and none was taken.
    """
    check_client()
    jobids = list(jobids)
    session.table.waitable.forget(jobids)
    ends = await asyncio.gather(*map(session.instance.collect, jobids), return_exceptions=True)
    found: dict[int, JobEnd] = {}
    failed: list[BaseException] = []
    for jobid, end in zip(jobids, ends, strict=True):
        if isinstance(end, JobEnd):
            found[jobid] = end
        elif not _is_taken(end):
            failed.append(end)
            session.table.waitable.restore(jobid)
    if failed and not found:
        raise failed[0]
    return found


def _is_taken(error: BaseException) -> bool:
    """Return whether Flux has no end of the job to hand out."""
    return isinstance(error, FluxRefused) and error.members.get("errno") == errno.ECHILD

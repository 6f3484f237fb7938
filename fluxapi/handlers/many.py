"""Read and wait for the jobs of a list of IDs; the table alone answers."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from fluxapi.errors import InstanceUnavailable
from fluxapi.events.consumer import READING
from fluxapi.http import authentication, keys
from fluxapi.model.jobid import encode_f58, parse
from fluxapi.process.timeslice import TimeSlice
from fluxapi.sessions.session import InstanceSession

from .jobs import rows
from .support import json_bytes, reply

__all__ = ["query", "wait"]

_SLICE_IDS = 100
"""IDs that are read before the time is looked at."""


async def query(request: web.Request) -> web.Response:
    """Return the jobs of a list; unknown IDs are listed."""
    session = request[keys.SESSION]
    # Read the cursor before the rows, so that a client that resumes from it misses nothing.
    cursor = session.journal.cursor
    known, unknown = await _resolve(session, request[keys.BODY]["ids"])
    found = await rows(session.table, session.observer, known)
    end = b'],"unknown":%b,"cursor":%b}' % (json_bytes(unknown), json_bytes(cursor))
    if not found:
        return reply(b'{"jobs":[' + end)
    # One join of all parts: the answer may have megabytes.
    found[0] = b'{"jobs":[' + found[0]
    found[-1] += end
    return reply(b",".join(found))


async def wait(request: web.Request) -> web.Response:
    """Return which jobs have ended once one or all of them have, or the timeout has expired."""
    session, body = request[keys.SESSION], request[keys.BODY]
    known, unknown = await _resolve(session, body["ids"])
    needs_all = body.get("until") != "any"
    if needs_all or not unknown:
        timeout = float(body.get("timeout", 30.0))
        await session.journal.waiters.wait_for_ends(known, timeout, needs_all=needs_all)
    authentication.check_again(request)
    ended: list[str] = []
    active: list[str] = []
    turn = TimeSlice()
    for jobid in known:
        await turn.share()
        job = session.table.get(jobid)
        if job is None:
            unknown.append(encode_f58(jobid))
        else:
            (ended if job.is_inactive else active).append(encode_f58(jobid))
    return reply({"ended": ended, "active": active, "unknown": unknown})


async def _resolve(session: InstanceSession, texts: Sequence[str]) -> tuple[list[int], list[str]]:
    """Return the jobs that the table has, each once, and the texts that name none.

    Raises:
        InstanceUnavailable: The backlog is still coming in, and a job may be in the rest.
    """
    known: dict[int, None] = {}
    unknown: dict[str, None] = {}
    table = session.table
    turn = TimeSlice()
    for start in range(0, len(texts), _SLICE_IDS):
        await turn.share()
        for text in texts[start : start + _SLICE_IDS]:
            try:
                jobid = parse(text)
            except ValueError:
                unknown[text] = None
                continue
            if jobid in table:
                known[jobid] = None
            else:
                unknown[text] = None
    if unknown and session.is_reading:
        raise InstanceUnavailable(READING)
    return list(known), list(unknown)

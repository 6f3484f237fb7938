"""Read and wait for the jobs of a list of IDs; the table alone answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from aiohttp import web

from fluxapi.http import keys
from fluxapi.http.clients import clients_of
from fluxapi.model.jobid import encode_f58, parse
from fluxapi.process.timeslice import TimeSlice
from fluxapi.sessions.session import InstanceSession

from .support import json_bytes, reply

__all__ = ["query", "wait"]

_SLICE_IDS = 100
"""IDs that are looked up before the time is looked at."""

_T = TypeVar("_T")


async def query(request: web.Request) -> web.Response:
    """Return the jobs of a list; unknown IDs are listed."""
    session = request[keys.SESSION]
    # Read the cursor before the rows, so that a client that resumes from it misses nothing.
    cursor = session.journal.cursor
    # One look for each job: with many jobs, most of the time is that of looks at cold memory.
    known, unknown = await _find(session, request[keys.BODY]["ids"], session.observer.encode)
    found = list(known.values())
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
    known, unknown = await _find(session, body["ids"], session.table.__getitem__)
    needs_all = body.get("until") != "any"
    if needs_all or not unknown:
        timeout = float(body.get("timeout", 30.0))
        await session.journal.waiters.wait_for_ends(
            known,
            timeout,
            needs_all=needs_all,
            length=len(body["ids"]),
            client=clients_of(request)[-1],
        )
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


async def _find(
    session: InstanceSession, texts: Sequence[str], look_up: Callable[[int], _T]
) -> tuple[dict[int, _T], list[str]]:
    """Return what ``look_up`` finds of each job, by ID, and the texts that name none.

    ``look_up`` raises ``KeyError`` for a job that is not in the table.

    Raises:
        InstanceUnavailable: The backlog is still coming in, and a job may be in the rest.
    """
    known: dict[int, _T] = {}
    unknown: dict[str, None] = {}
    turn = TimeSlice()
    for start in range(0, len(texts), _SLICE_IDS):
        await turn.share()
        for text in texts[start : start + _SLICE_IDS]:
            try:
                jobid = parse(text)
                if jobid not in known:
                    known[jobid] = look_up(jobid)
            except (ValueError, KeyError):  # noqa: PERF203 - a wrong ID spoils no other
                unknown[text] = None
    if unknown and session.is_reading:
        raise session.journal.still_reading()
    return known, list(unknown)

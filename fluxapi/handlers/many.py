"""Read and wait for the jobs of a list of IDs; the table alone answers."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import TypeVar

from aiohttp import web

from fluxapi.http import keys
from fluxapi.http.clients import clients_of
from fluxapi.model.jobid import encode_f58, parse
from fluxapi.process.timeslice import TimeSlice
from fluxapi.sessions.row_text import PIECE_BYTES, text_of
from fluxapi.sessions.session import InstanceSession

from .rows import reply_rows
from .support import check_running, json_bytes, reply

__all__ = ["query", "wait"]

_SLICE_IDS = 100
"""IDs that are looked up before the time is looked at."""

_T = TypeVar("_T")


async def query(request: web.Request) -> web.StreamResponse:
    """Return the jobs of a list; unknown IDs are listed."""
    session, ids = request[keys.SESSION], request[keys.BODY]["ids"]
    # Read the cursor before the rows, so that a client that resumes from it misses nothing.
    cursor = session.journal.cursor
    if session.is_reading:
        # Nothing may be sent of an answer that is not known to be complete.
        await _find(session, ids, session.table.__getitem__)
    unknown: dict[str, None] = {}

    def end() -> bytes:
        return b'],"unknown":%b,"cursor":%b}' % (json_bytes(list(unknown)), json_bytes(cursor))

    rows = _rows(session, ids, unknown)
    return await reply_rows(request, await text_of(b'{"jobs":[', rows, end))


async def _rows(
    session: InstanceSession, texts: Sequence[str], unknown: dict[str, None]
) -> AsyncGenerator[Sequence[bytes], None]:
    """Yield the rows of jobs, each once; add the texts that name none to *unknown*.

    Raises:
        InstanceUnavailable: The backlog is coming in, and a job may be in the rest.
    """
    encode = session.observer.encode
    known: set[int] = set()
    rows: list[bytes] = []
    size = 0
    turn = TimeSlice()
    for place, text in enumerate(texts, 1):
        # One look for each job: with many jobs, most of the time is that of looks at cold memory.
        try:
            jobid = parse(text)
            if jobid not in known:
                row = encode(jobid)
                known.add(jobid)
                rows.append(row)
                size += len(row)
        except (ValueError, KeyError):
            unknown[text] = None
        if size >= PIECE_BYTES:
            yield rows
            rows, size = [], 0
            await turn.share()
        elif not place % _SLICE_IDS:
            await turn.share()
    if unknown and session.is_reading:
        raise session.journal.still_reading()
    if rows:
        yield rows


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
    if active and (needs_all or not (ended or unknown)):
        check_running(session)
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

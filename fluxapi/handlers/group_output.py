"""The output of a group: that of its jobs, one after the other, oldest first.

Memory is bounded, since one job is read at a time; jobs that have not started are left out.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import islice

from aiohttp import web

from fluxapi.errors import JobNotFound
from fluxapi.events.output.tails import TailReader
from fluxapi.events.output.viewer import FILES_RIGHT
from fluxapi.http import keys
from fluxapi.http.negotiation import accepted, wants_page
from fluxapi.model.jobid import encode_f58
from fluxapi.sessions.session import InstanceSession
from fluxapi.table.job_lists import ascending

from . import output_forms as forms
from .groups import group_of
from .sending import send, tail_reader

__all__ = ["OFFERS", "output"]

OFFERS = ("application/x-ndjson", "text/plain")

_SLICE_JOBS = 256
"""Job IDs that are copied at a time, since the group changes meanwhile."""


async def output(request: web.Request) -> web.StreamResponse:
    """Return the output of a group so far: as entries, or as lines that begin with the job ID."""
    # A browser that opens the address shows text.
    kind = "text/plain" if wants_page(request) else accepted(request, OFFERS)
    group, fields = group_of(request), request[keys.QUERY]
    stream, tail = fields.get("stream"), fields.get("tail")
    may_read = request[keys.PRINCIPAL].may(FILES_RIGHT)
    reader = tail_reader(request)
    pieces = _pieces(
        request[keys.SESSION], group.id, kind, stream, tail, reader=reader, may_read=may_read
    )
    return await send(request, kind, pieces)


async def _pieces(
    session: InstanceSession,
    group: str,
    kind: str,
    stream: str | None,
    tail: int | None,
    *,
    reader: TailReader,
    may_read: bool,
) -> AsyncIterator[bytes]:
    is_lines = kind == "text/plain"
    last = None if tail is None else forms.last_of(tail, stream, is_lines=is_lines)
    form = forms.labeled_lines if is_lines else forms.labeled_entries
    after = 0
    while ids := _some(session, group, after):
        for jobid in ids:
            job = session.table.get(jobid)
            if job is None or not job.t_run:
                continue
            found = session.files.so_far(jobid, stream, last, may_read=may_read)
            found = found if tail is not None else reader.counted(found)
            source = forms.Search(found, reader=reader)
            try:
                async for piece in form(source, encode_f58(jobid), stream, tail):
                    yield piece
            except JobNotFound:
                continue  # it was purged meanwhile
        after = ids[-1]


def _some(session: InstanceSession, group: str, after: int) -> list[int]:
    """Return the next job IDs of a group above *after*."""
    ids = session.table.index.group.get(group)
    return list(islice(ascending(ids, after + 1), _SLICE_JOBS))

"""The dependencies around a job: ``GET /jobs/{id}/dependencies``; the table alone answers."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from aiohttp import web

from fluxapi.http import keys
from fluxapi.model.jobid import encode_f58
from fluxapi.process.timeslice import TimeSlice
from fluxapi.sessions.row_text import text_of
from fluxapi.table.table import Table

from .rows import reply_rows
from .support import job_of, json_bytes

__all__ = ["graph"]

_MAX_JOBS = 100
"""Jobs of a graph, if the request names no limit."""


async def graph(request: web.Request) -> web.StreamResponse:
    """Return the jobs that the job waits for, and those that wait for it, as a graph."""
    table, job = request[keys.SESSION].table, job_of(request)
    most = request[keys.QUERY].get("limit", _MAX_JOBS)
    jobs, is_cut = await table.links.around(table.get, job.id, most)
    names = {one: encode_f58(one) for one in jobs}
    members = [_member(table, one, name) for one, name in names.items()]
    begin = b'{"id":%b,"jobs":%b,"links":[' % (json_bytes(names[job.id]), json_bytes(members))
    end = b'],"more":%b}' % json_bytes(is_cut)
    return await reply_rows(request, await text_of(begin, _links(table, names), lambda: end))


def _member(table: Table, jobid: int, name: str) -> dict[str, Any]:
    job = table.get(jobid)
    if job is None:
        return {"id": name}
    return {"id": name, "name": job.name, "status": job.result or job.state}


async def _links(table: Table, names: Mapping[int, str]) -> AsyncGenerator[Sequence[bytes], None]:
    """Yield the links between the jobs of a graph, those of each job together.

    A thousand jobs have up to 64,000, so other tasks run in between.
    """
    turn = TimeSlice()
    for jobid, name in names.items():
        await turn.share()
        job = table.get(jobid)
        if job is not None:
            yield [
                json_bytes({"job": name, "after": names[target], "scheme": scheme})
                for target, scheme in job.after
                if target in names
            ]

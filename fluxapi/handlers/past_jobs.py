"""Lists with jobs that Flux has purged, from the history of the service."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from aiohttp import web

from fluxapi.archive import merged
from fluxapi.archive.archive import Archive
from fluxapi.archive.query import ArchivedJob, Range, find
from fluxapi.archive.stored_records import StoredRecords
from fluxapi.errors import NotSupported
from fluxapi.http import keys
from fluxapi.sessions.session import InstanceSession
from fluxapi.table.query import JobQuery

from .support import json_bytes

__all__ = ["NONE_KEPT", "Scope", "page"]

_ALL = "all"
NONE_KEPT = (
    "The service keeps no history of past jobs; start it with --statedir, and without --no-history."
)


@dataclass(frozen=True)
class Scope:
    """The part of the history that is listed.

    Attributes:
        instance: The ID of an instance in the history, ``all``, or ``None``: that of the request.
        after: A job ID for the instance of the request, else a key; the page begins below it.
    """

    instance: str | None
    after: int | None


async def page(request: web.Request, scope: Scope, query: JobQuery, limit: int) -> bytes:
    """Return a page of jobs as JSON.

    Raises:
        NotSupported: No history is kept.
        HistoryUnavailable: It cannot be read.
    """
    archive, session = request.app[keys.ARCHIVE], request[keys.SESSION]
    if archive is None or session.stored is None:
        raise NotSupported(NONE_KEPT)
    # Read the cursor before the page, so that a client that resumes from it misses nothing.
    cursor = session.journal.cursor
    if scope.instance in {None, session.stored.instance}:
        records, following = await _merged(session, session.stored, scope, query, limit)
    else:
        records, following = await _stored(archive, scope, query, limit)
    end = b"null" if following is None else b'"%x"' % following
    return b'{"jobs":[%b],"next":%b,"cursor":%b}' % (b",".join(records), end, json_bytes(cursor))


async def _merged(
    session: InstanceSession,
    stored: StoredRecords,
    scope: Scope,
    query: JobQuery,
    limit: int,
) -> tuple[list[bytes], int | None]:
    found = await merged.page(
        session.table,
        stored,
        query,
        limit=limit,
        after=scope.after,
    )
    table, observer = session.table, session.observer
    records = [
        job.record if isinstance(job, ArchivedJob) else observer.encode(job)
        for job in found.jobs
        if isinstance(job, ArchivedJob) or job in table
    ]
    return records, found.next


async def _stored(
    archive: Archive, scope: Scope, query: JobQuery, limit: int
) -> tuple[list[bytes], int | None]:
    place = Range(None if scope.instance == _ALL else scope.instance, below=scope.after)
    jobs = await archive.reader.run(partial(find, query=query, place=place, limit=limit))
    return [job.record for job in jobs], jobs[-1].key if len(jobs) == limit else None

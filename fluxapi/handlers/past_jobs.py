"""Lists with jobs that Flux has purged, from the history of the service."""

from __future__ import annotations

from aiohttp import web

from fluxapi.archive.listing import Scope
from fluxapi.http import keys
from fluxapi.table.query import JobQuery

from .sending import while_connected
from .support import json_bytes

__all__ = ["page"]


async def page(request: web.Request, scope: Scope, query: JobQuery, limit: int) -> bytes:
    """Return a page of jobs as JSON.

    Raises:
        NotSupported: No history is kept.
        HistoryUnavailable: It cannot be read.
    """
    session = request[keys.SESSION]
    # Read the cursor before the page, so that a client that resumes from it misses nothing.
    cursor = session.journal.cursor
    # Queries of clients that have left must not delay those of others.
    listing = session.past.listing()
    records, following = await while_connected(request, listing.page(scope, query, limit))
    end = b"null" if following is None else b'"%x"' % following
    return b'{"jobs":[%b],"next":%b,"cursor":%b}' % (b",".join(records), end, json_bytes(cursor))

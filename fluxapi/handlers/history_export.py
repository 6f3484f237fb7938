"""The export of stored jobs as a file, which is written while it is sent."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from functools import partial

from aiohttp import hdrs, web

from fluxapi.archive.archive import Archive
from fluxapi.archive.export import CsvExport, Export, JsonExport
from fluxapi.archive.export_parquet import ParquetExport
from fluxapi.archive.query import Range, find
from fluxapi.archive.reader import ArchiveReader
from fluxapi.errors import HistoryUnavailable
from fluxapi.events.filters import read_ids
from fluxapi.events.output.tails import TailReader
from fluxapi.http import keys
from fluxapi.http.clients import clients_of
from fluxapi.table.query import JobQuery, query_of

from .history import archive_of
from .sending import send, tail_reader

__all__ = ["OFFERS", "export"]

_PAGE_JOBS = 250
"""Jobs that are read at once; between two pages, nothing keeps the database busy."""

_PIECE_BYTES = 64 << 10
"""Bytes that are counted as sent together."""

_FORMATS: dict[str, type[Export]] = {
    "ndjson": JsonExport,
    "csv": CsvExport,
    "parquet": ParquetExport,
}
OFFERS = tuple(one.media_type for one in _FORMATS.values())
_ALL = "all"

_RETRY_PARQUET_S = 10


async def export(request: web.Request) -> web.StreamResponse:
    """Return all matches, newest first, as a file."""
    archive, fields = archive_of(request), request[keys.QUERY]
    kind = _FORMATS[fields.get("format", JsonExport.suffix)]
    if kind is not ParquetExport:
        return await _export(request, archive, await asyncio.to_thread(kind))
    client, exports = clients_of(request)[-1], archive.parquet_exports
    if not exports.has_room(client, 1):
        raise HistoryUnavailable(
            f"{exports.used} exports as Parquet are made already; try again later, or ask for csv.",
            retry_after=_RETRY_PARQUET_S,
        )
    exports.add(client, 1)
    try:
        return await _export(request, archive, await asyncio.to_thread(kind))
    finally:
        exports.add(client, -1)


async def _export(request: web.Request, archive: Archive, made: Export) -> web.StreamResponse:
    fields = request[keys.QUERY]
    query = query_of(fields, read_ids(fields))
    stored = request[keys.SESSION].past.stored
    instance = fields.get("instance", _ALL if stored is None else stored.instance)
    place = None if instance == _ALL else instance
    pieces = _pieces(archive.reader, made, query, place, tail_reader(request, "past"))
    name = f'attachment; filename="jobs.{made.suffix}"'
    return await send(request, made.media_type, pieces, lambda: {hdrs.CONTENT_DISPOSITION: name})


async def _pieces(
    reader: ArchiveReader, made: Export, query: JobQuery, instance: str | None, client: TailReader
) -> AsyncIterator[bytes]:
    """Yield the file, page by page of the history; each page is a query of its own."""
    yield made.begin()
    below: int | None = None
    is_last = False
    while not is_last:
        place = Range(instance, below=below)
        jobs = await reader.run(partial(find, query=query, place=place, limit=_PAGE_JOBS))
        is_last = len(jobs) < _PAGE_JOBS
        if jobs:
            below = jobs[-1].key
            try:
                text = await asyncio.to_thread(made.add, jobs)
            except ValueError as error:
                raise HistoryUnavailable(f"A stored job is damaged: {error}.") from None
            parts = deque(_parts(text))
            del jobs, text
            # Clients may read nothing, and hundreds of them may ask for files.
            with client.sending(sum(map(len, parts))) as sent:
                while parts:
                    size = len(parts[0])
                    yield parts.popleft()
                    sent(size)
    yield await asyncio.to_thread(made.end)


def _parts(text: bytes) -> Iterator[bytes]:
    for at in range(0, len(text), _PIECE_BYTES):
        yield text[at : at + _PIECE_BYTES]

"""The files that receive the output of a job: ``GET /jobs/{id}/files/{stream}``."""

from __future__ import annotations

import posixpath
import unicodedata
from collections.abc import AsyncIterator
from email.utils import formatdate
from urllib.parse import quote

from aiohttp import hdrs, web

from fluxapi.errors import (
    InstanceUnavailable,
    NotFound,
    OutputChanged,
    OutputUnreadable,
    RangeNotSatisfiable,
)
from fluxapi.events.output.file_reader import FileReader
from fluxapi.events.output.file_source import FileSource
from fluxapi.http import keys
from fluxapi.model.jobid import encode_f58
from fluxapi.model.output_files import STREAMS
from fluxapi.process.file_piece import Piece

from .sending import send_prepared
from .support import job_of

__all__ = ["HOST_HEADER", "PATH_HEADER", "READ_HEADER", "download"]

PATH_HEADER = "Output-File-Path"
HOST_HEADER = "Output-File-Host"
READ_HEADER = "Output-File-Read"

_TYPE = "application/octet-stream"


async def download(request: web.Request) -> web.StreamResponse:
    """Return the bytes of a file that receives output, or a range of them (RFC 9110)."""
    source = await _source(request)
    reader = source.reader()
    piece = await reader.piece(0, 0) if not source.file.problem else _refused(source)
    if piece.problem:
        words = f"The output file {source.file.path} is not read. {piece.problem}"
        if piece.kind == "failed":
            raise InstanceUnavailable(words)
        raise OutputUnreadable(words, path=source.file.path, host=source.file.host)
    tag = f"{piece.identity}-{piece.size}-{piece.mtime}"
    headers = _headers(reader, piece, tag)
    if any(known.value in {tag, "*"} for known in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    wanted = _range(request, piece.size, tag)
    begin, end = wanted or (0, piece.size)
    response = web.StreamResponse(status=206 if wanted else 200, headers=headers)
    response.content_type = _TYPE
    response.content_length = end - begin
    if wanted:
        response.headers[hdrs.CONTENT_RANGE] = f"bytes {begin}-{end - 1}/{piece.size}"
    return await send_prepared(request, response, _pieces(reader, begin, end))


async def _source(request: web.Request) -> FileSource:
    """Return the file that the request names; raises ``NotFound``."""
    job, stream = job_of(request), request.match_info["stream"]
    if stream not in STREAMS:
        raise NotFound(f"A job has the streams {' and '.join(STREAMS)}, not {stream[:64]!r}.")
    files = request[keys.SESSION].files
    found = await files.sources(job.id, stream, may_read=True)
    name = encode_f58(job.id)
    if not found:
        why = (
            "does not go to a file, or the job has not begun"
            if found is not None
            else "goes to a file that has not been opened yet"
        )
        raise NotFound(f"{stream} of job {name} {why}; GET jobs/{name}/output returns it.")
    number: int = request[keys.QUERY].get("file", 0)
    if number >= len(found):
        raise NotFound(f"{stream} of job {name} goes to {len(found)} files, counted from 0.")
    return found[number]


def _refused(source: FileSource) -> Piece:
    return Piece("refused", source.file.problem)


def _headers(reader: FileReader, piece: Piece, tag: str) -> dict[str, str]:
    name = posixpath.basename(reader.file.path)
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    safe = "".join(c if c.isalnum() or c in "-_. " else "_" for c in plain) or "output"
    encoded = quote(name.encode("utf-8", "surrogateescape"), safe="")
    return {
        hdrs.ACCEPT_RANGES: "bytes",
        hdrs.CACHE_CONTROL: "no-cache",
        hdrs.CONTENT_DISPOSITION: f"attachment; filename=\"{safe}\"; filename*=UTF-8''{encoded}",
        hdrs.ETAG: f'"{tag}"',
        hdrs.LAST_MODIFIED: formatdate(piece.changed, usegmt=True),
        PATH_HEADER: quote(reader.file.path.encode("utf-8", "surrogateescape"), safe="/"),
        HOST_HEADER: quote(reader.file.host),
        READ_HEADER: reader.way,
    }


def _range(request: web.Request, size: int, tag: str) -> tuple[int, int] | None:
    """Return the first byte that is wanted and the one after the last; ``None``: all of them."""
    if request.headers.get(hdrs.IF_RANGE, f'"{tag}"') != f'"{tag}"':
        return None
    try:
        wanted = request.http_range
    except ValueError:
        # An invalid range, or several of them, is ignored (RFC 9110, 14.2).
        return None
    begin, end = wanted.start, wanted.stop
    if begin is None and end is None:
        return None
    if _is_suffix(request):
        # aiohttp returns the number of the last bytes as a negative begin, and so no number for 0.
        begin = max(size + begin, 0) if begin else size
    end = size if end is None else min(end, size)
    if begin >= end:
        raise RangeNotSatisfiable(
            f"The file has {size} bytes.", headers={hdrs.CONTENT_RANGE: f"bytes */{size}"}
        )
    return begin, end


def _is_suffix(request: web.Request) -> bool:
    """Return whether the range is that of so many last bytes (``bytes=-500``)."""
    return request.headers[hdrs.RANGE].partition("=")[2].startswith("-")


async def _pieces(reader: FileReader, begin: int, end: int) -> AsyncIterator[bytes]:
    while begin < end:
        piece = await reader.piece(begin, min(reader.piece_bytes, end - begin))
        if piece.problem or not piece.data:
            raise OutputChanged(f"{reader.file.path} cannot be read further. {piece.problem}")
        begin += len(piece.data)
        yield piece.data

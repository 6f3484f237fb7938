"""The output of a job: ``GET /jobs/{id}/output`` and ``GET /jobs/{id}/output/stream``.

The output is streamed through memory: one batch of entries, unfinished lines, and with ``tail`` its
lines are kept, all of them bounded.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from aiohttp import web

from fluxapi.errors import JobNotFound, ValidationFailed
from fluxapi.events.channel import stream as streams
from fluxapi.events.output.hub import OnEnd, OutputHub
from fluxapi.events.output.tails import Kind
from fluxapi.events.output.viewer import FILES_RIGHT, Selection
from fluxapi.events.transport.stream_writer import StreamWriter
from fluxapi.events.transport.wire import OutputText, Wire
from fluxapi.http import keys
from fluxapi.http.clients import clients_of
from fluxapi.http.negotiation import accepted
from fluxapi.model.jobid import encode_f58
from fluxapi.model.output import MAX_SEARCH_BYTES, source_of

from . import output_forms as forms
from .sending import send, tail_reader
from .support import job_of

__all__ = ["LIMIT_HEADER", "SEARCHED_HEADER", "STREAM_OFFERS", "find", "follow", "output"]

_OFFERS = ("application/json", "text/plain", "application/x-ndjson", "application/octet-stream")
STREAM_OFFERS = (
    "text/plain",
    "text/event-stream",
    "application/x-ndjson",
    "application/octet-stream",
)
"""Media types of live output; a client without a preference gets lines of text."""

_LAST_INDEXES = re.compile(r"[0-9]{1,16}(,[0-9]{1,16}){0,31}\Z", re.ASCII)
"""The last index of each source that was seen."""

SEARCHED_HEADER = "Output-Searched-Bytes"
"""Header of a tail that may lack lines: the number of bytes that were searched for them."""

LIMIT_HEADER = "Output-Search-Limit-Bytes"
"""Header of a live tail, which is sent before the search: the most bytes that it searches."""


async def output(request: web.Request) -> web.StreamResponse:
    """Return the output so far: lines in JSON, plain text, bytes, or RFC 24 entries as NDJSON."""
    kind = accepted(request, _OFFERS)
    jobid, is_past = await find(request)
    fields = request[keys.QUERY]
    stream, tail, task = fields.get("stream"), fields.get("tail"), fields.get("task")
    last = None
    # The tail of a task may begin anywhere, so all of the output is read for it.
    if tail is not None and task is None:
        last = forms.last_of(tail, stream, is_lines=kind != "application/x-ndjson")
    session = request[keys.SESSION]
    reading: Kind = "past" if is_past else "present" if task is None else "task"
    reader = tail_reader(request, reading)
    if is_past:
        found = session.past.records.output(jobid, last=last, sending=reader.sending)
    else:
        may_read = request[keys.PRINCIPAL].may(FILES_RIGHT)
        found = session.files.so_far(jobid, stream, last, may_read=may_read)
        found = found if tail is not None else reader.counted(found)
    source = forms.Search(found, task, reader)
    if kind == "application/x-ndjson":
        pieces = forms.entries(source, stream, tail)
    elif kind == "application/octet-stream":
        pieces = forms.written_bytes(source, stream, tail)
    elif kind == "text/plain":
        pieces = forms.text(source, stream, tail)
    else:
        pieces = forms.document(source, encode_f58(jobid), stream, tail)
    return await send(request, kind, pieces, lambda: _headers(source))


async def find(request: web.Request) -> tuple[int, bool]:
    """Return the ID of the job, and whether only the history has it; raise ``JobNotFound``."""
    try:
        return job_of(request).id, False
    except JobNotFound:
        past = await request[keys.SESSION].past.find(request.match_info["id"])
        return past.id, True


def _headers(source: forms.Search) -> dict[str, str]:
    """Return the header of a search for a tail that stopped at its limit."""
    return {SEARCHED_HEADER: str(source.searched)} if source.searched else {}


@dataclass(frozen=True)
class _Viewing:
    """The output of a job as the source of a response."""

    outputs: OutputHub
    jobid: int
    selection: Selection

    def begin(self, writer: StreamWriter, wire: Wire, on_end: OnEnd) -> Callable[[], None]:
        return self.outputs.view(self.jobid, self.selection, writer, wire, on_end)


async def follow(request: web.Request) -> web.StreamResponse:
    """Stream the output until its end: as text, as entries in messages, or as bytes."""
    kind = accepted(request, STREAM_OFFERS)
    jobid, _ = await find(request)
    outputs, clients = request[keys.SESSION].outputs, clients_of(request)
    outputs.check(clients[-1])
    source = _Viewing(outputs, jobid, _selection(request))
    return await streams.follow(
        request,
        source,
        kind,
        request.app[keys.CONNECTIONS],
        request[keys.PRINCIPAL],
        clients=clients,
        plain=partial(
            OutputText,
            exact=kind == "application/octet-stream",
            logs=source.selection.stream != "stdout",
        ),
        headers={} if source.selection.tail is None else {LIMIT_HEADER: str(MAX_SEARCH_BYTES)},
    )


def _selection(request: web.Request) -> Selection:
    fields = request[keys.QUERY]
    files = request[keys.PRINCIPAL].may(FILES_RIGHT)
    last = request.headers.get("Last-Event-ID")
    stream = fields.get("stream")
    if not last:
        starts = tuple(fields.get("from_files", ()))
        return Selection(stream, fields.get("tail"), fields.get("from", 0), starts, files)
    if not _LAST_INDEXES.match(last):
        raise ValidationFailed(
            [{"pointer": "", "detail": "has a Last-Event-ID that is not the index of an entry."}]
        )
    positions = [int(index) + 1 for index in last.split(",")]
    first = next((at for at in positions if not source_of(at - 1)), 0)
    starts = tuple(at for at in positions if source_of(at - 1))
    return Selection(stream, None, first, starts, files)

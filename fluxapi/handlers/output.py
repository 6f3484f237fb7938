"""What jobs wrote, and write: ``GET /jobs/{id}/output`` and ``GET /jobs/{id}/output/stream``.

What there is of the output is streamed through: in memory are one batch of entries, unfinished
lines, and with ``tail`` that many lines, all of them bounded.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any

from aiohttp import web

from fluxapi import keys
from fluxapi.errors import FluxapiError, ValidationFailed
from fluxapi.events import stream as streams
from fluxapi.model.output import written
from fluxapi.events.outlet import Outlet
from fluxapi.events.output import OnEnd, Outputs, Selection
from fluxapi.events.wire import OutputText, Wire
from fluxapi.model.eventlog import Event, encode_event
from fluxapi.model.jobid import encode_f58

from .support import accepted, job_of, json_bytes

__all__ = ["STREAM_OFFERS", "Lines", "follow", "output"]

_log = logging.getLogger(__name__)

_OFFERS = ("application/json", "text/plain", "application/x-ndjson")
STREAM_OFFERS = (
    "text/plain",
    "text/event-stream",
    "application/x-ndjson",
    "application/octet-stream",
)
"""What live output can be. Clients that ask for nothing in particular expect lines of text."""

_MAX_INDEX_DIGITS = 15

_MAX_LINE = 65536
"""Characters after which a line without an end is given out all the same."""

_MAX_TAIL = 8 << 20
"""Characters that a tail holds at most; the oldest lines go first."""

_MAX_REDIRECTS = 100


class Lines:
    """Whole lines, each with its newline, from the data entries of an output eventlog (RFC 24).

    Tasks are told apart: a line that one task writes in pieces is not mixed with those of others.
    """

    def __init__(self, stream: str | None = None) -> None:
        self.redirects: list[dict[str, str]] = []
        self._stream = stream
        self._rest: dict[tuple[str, str], str] = {}

    def take(self, events: list[Event]) -> list[str]:
        """The lines that these entries complete."""
        lines: list[str] = []
        for event in events:
            context = event.context or {}
            if event.name == "redirect" and len(self.redirects) < _MAX_REDIRECTS:
                self.redirects.append(
                    {"stream": str(context.get("stream")), "path": str(context.get("path"))}
                )
            text = data_of(event, self._stream)
            if text or context.get("eof"):
                key = (str(context.get("stream")), str(context.get("rank")))
                self._split(key, text, bool(context.get("eof")), lines)
        return lines

    def end(self) -> list[str]:
        """What was left without a newline."""
        rest = [text for text in self._rest.values() if text]
        self._rest.clear()
        return rest

    def _split(self, key: tuple[str, str], text: str, eof: bool, lines: list[str]) -> None:
        text = self._rest.pop(key, "") + text
        *whole, rest = text.split("\n")
        lines.extend(f"{line}\n" for line in whole)
        if rest and (eof or len(rest) > _MAX_LINE):
            lines.append(rest)
        elif rest:
            self._rest[key] = rest


def data_of(event: Event, stream: str | None = None) -> str:
    """The text of a data entry of ``stream`` (any if ``None``), else nothing.

    Bytes that are not UTF-8 show as replacement characters.
    """
    context = event.context
    if event.name != "data" or context is None:
        return ""
    if stream is not None and context.get("stream") != stream:
        return ""
    return written(context).decode("utf-8", "replace")


async def output(request: web.Request) -> web.StreamResponse:
    """The output so far: lines in JSON, plain text, or the RFC 24 entries as NDJSON."""
    kind = accepted(request, _OFFERS)
    job = job_of(request)
    fields = request[keys.QUERY]
    stream, tail = fields.get("stream"), fields.get("tail")
    source = request.app[keys.INSTANCE].output(job.id)
    if kind == "application/x-ndjson":
        pieces = _entries(source, stream, tail)
    elif kind == "text/plain":
        pieces = _text(source, stream, tail)
    else:
        pieces = _document(source, encode_f58(job.id), stream, tail)
    return await _send(request, kind, pieces)


@dataclass(frozen=True)
class _Viewing:
    """The output of a job as what fills a response."""

    outputs: Outputs
    jobid: int
    selection: Selection

    def begin(self, outlet: Outlet, wire: Wire, on_end: OnEnd) -> Callable[[], None]:
        return self.outputs.view(self.jobid, self.selection, outlet, wire, on_end)


async def follow(request: web.Request) -> web.StreamResponse:
    """The output as it comes, up to its end: text, entries as messages, or bytes."""
    kind = accepted(request, STREAM_OFFERS)
    source = _Viewing(request.app[keys.OUTPUTS], job_of(request).id, _selection(request))
    return await streams.follow(
        request,
        source,
        kind,
        request.app[keys.CONNECTIONS],
        request[keys.EXPIRES],
        plain=partial(OutputText, exact=kind == "application/octet-stream"),
    )


def _selection(request: web.Request) -> Selection:
    fields = request[keys.QUERY]
    last = request.headers.get("Last-Event-ID")
    if not last:
        return Selection(fields.get("stream"), fields.get("tail"), fields.get("from", 0))
    if not (last.isascii() and last.isdigit() and len(last) <= _MAX_INDEX_DIGITS):
        raise ValidationFailed(
            [{"pointer": "", "detail": "has a Last-Event-ID that is not the index of an entry."}]
        )
    return Selection(fields.get("stream"), None, int(last) + 1)


async def _send(
    request: web.Request, kind: str, pieces: AsyncIterator[bytes]
) -> web.StreamResponse:
    async with aclosing(pieces) as parts:  # type: ignore[type-var] # an async generator
        # What goes wrong before the first byte still is a problem document.
        first = await anext(parts, b"")
        response = web.StreamResponse()
        response.content_type = kind
        if kind == "text/plain":
            response.charset = "utf-8"
        await response.prepare(request)
        try:
            await response.write(first)
            async for part in parts:
                await response.write(part)
        except FluxapiError as error:
            _log.warning("output of %s cut off: %s", request.path, error.detail)
            if request.transport is not None:
                # The reader must see that it is not the end.
                request.transport.abort()
            return response
    await response.write_eof()
    return response


async def _lines(
    source: AsyncIterator[list[Event]], lines: Lines, tail: Any
) -> AsyncIterator[list[str]]:
    kept: deque[str] = deque()
    held = 0
    async for events in source:
        found = lines.take(events)
        if tail is None:
            if found:
                yield found
        else:
            kept.extend(found)
            held = _shorten(kept, held + sum(map(len, found)), int(tail))
    rest = lines.end()
    if tail is not None:
        kept.extend(rest)
        _shorten(kept, held + sum(map(len, rest)), int(tail))
        rest = list(kept)
    if rest:
        yield rest


def _shorten(kept: deque[str], held: int, tail: int) -> int:
    while len(kept) > tail or held > _MAX_TAIL:
        held -= len(kept.popleft())
    return held


async def _text(
    source: AsyncIterator[list[Event]], stream: str | None, tail: Any
) -> AsyncIterator[bytes]:
    if tail is None:
        async for events in source:
            yield "".join(data_of(event, stream) for event in events).encode()
        return
    async for lines in _lines(source, Lines(stream), tail):
        yield "".join(lines).encode()


async def _entries(
    source: AsyncIterator[list[Event]], stream: str | None, tail: Any
) -> AsyncIterator[bytes]:
    kept: deque[bytes] = deque(maxlen=None if tail is None else int(tail))
    async for events in source:
        chosen = [event for event in events if _is_of(event, stream)]
        if tail is None:
            yield b"".join(encode_event(event) + b"\n" for event in chosen)
        else:
            kept.extend(encode_event(event) + b"\n" for event in chosen)
    yield b"".join(kept)


def _is_of(event: Event, stream: str | None) -> bool:
    if stream is None or event.context is None:
        return True
    return bool(event.context.get("stream", stream) == stream)


async def _document(
    source: AsyncIterator[list[Event]], name: str, stream: str | None, tail: Any
) -> AsyncIterator[bytes]:
    """``{"Output": [...]}``, piece by piece; without any entry yet, a Message."""
    started = False
    gathered = Lines(stream)

    async def watched() -> AsyncIterator[list[Event]]:
        nonlocal started
        async for events in source:
            started = started or bool(events)
            yield events

    head = b'{"Output":['
    async for lines in _lines(watched(), gathered, tail):
        yield head + json_bytes(lines)[1:-1]
        head = b","
    if not started:
        message = f"The output of job {name} does not exist yet, or the job has none."
        yield json_bytes({"Message": message})
        return
    closing = b"]" if head == b"," else head + b"]"
    if gathered.redirects:
        closing += b',"redirects":' + json_bytes(gathered.redirects)
    yield closing + b"}"

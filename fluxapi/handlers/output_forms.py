"""The encodings of a job's output, as iterators over pieces of bytes.

The messages of the job shell (entries with the name ``log``) belong to standard error, as in ``flux
job attach``, and are in every encoding.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import Any

from fluxapi.events.output.tails import TailReader, Tails
from fluxapi.model.eventlog import Event, encode_event
from fluxapi.model.output import (
    Last,
    OutputBatch,
    PlainText,
    is_of,
    log_line,
    search_note,
    writer_of,
    written,
)
from fluxapi.model.output_lines import Part
from fluxapi.model.path_template import MAX_PATH_LENGTH
from fluxapi.process.timeslice import TimeSlice

from .output_tails import last_lines
from .support import json_bytes

__all__ = [
    "Lines",
    "Search",
    "document",
    "entries",
    "labeled_entries",
    "labeled_lines",
    "last_of",
    "text",
    "written_bytes",
]

Source = AsyncIterator[OutputBatch]

_MAX_LINE_BYTES = 65536
"""Length at which a line without a newline is split."""

_MAX_TASKS = 65536
"""Tasks that may have an unfinished line; with more, pieces become lines of their own."""

_MAX_UNFINISHED_BYTES = 8 << 20
"""Bytes of all unfinished lines of one reader; with more, pieces become lines of their own."""

_MAX_EVENTS = 256
"""Entries that are encoded before other tasks run."""

_STEP_BYTES = 16 << 10
"""Bytes that are split into lines before other tasks run; each may be a line."""

_PIECE_BYTES = 64 << 10
"""Bytes after which a piece is sent, since an entry may stand for many more than it has."""

_MAX_REDIRECTS = 100

_EXTRA_LINES = 64
"""Lines that are read in addition to those of a tail, since the first of each task may be cut."""

_FILE_MEMBERS = ("path", "rank", "host", "read", "unread")
_REDIRECT_MEMBERS = 2
"""Members of a redirect whose file has not been looked at."""

_LOGS = "stderr"
"""The stream of the messages of the job shell."""


def last_of(tail: int, stream: str | None, *, is_lines: bool) -> Last:
    """Return the request for a tail of this many lines, or entries."""
    return Last(tail + _EXTRA_LINES if is_lines and tail else tail, stream, lines=is_lines)


class Search:
    """The batches of an output, and how much a search for its end has read at its limit.

    With *task*, the entries of other tasks are left out, and those of the job shell.

    ``searched`` is this number of bytes, or 0 if the search did not reach its limit; ``started`` is
    true once the output exists; ``reader`` is the client, which may read a tail slowly.
    """

    def __init__(
        self, source: Source, task: int | None = None, reader: TailReader | None = None
    ) -> None:
        self.searched = 0
        self.started = False
        self.reader = reader or Tails().reader()
        self._source = source
        self._part = None if task is None else Part(task=task)

    async def __aiter__(self) -> AsyncGenerator[OutputBatch, None]:
        turn = TimeSlice()
        async for batch in self._source:
            self.started = self.started or batch.next > 0
            if batch.cut:
                self.searched = batch.searched
            # A batch has a limited size, which very many small entries may have.
            for at in range(0, len(batch) or 1, _MAX_EVENTS):
                await turn.share()
                events = batch.events[at : at + _MAX_EVENTS]
                if self._part is not None:
                    events = [it for it in events if self._has(it)]
                yield OutputBatch(batch.first + at, events, batch.searched, cut=batch.cut)

    def _has(self, event: Event) -> bool:
        """Return whether a reader of one task gets *event*, which may be about the output."""
        return event.name not in {"data", "log"} or (self._part or Part()).has(event)

    def note(self) -> bytes:
        """Return a line that tells how much the search has read; empty if it was complete."""
        return search_note({"cut": bool(self.searched), "searched": self.searched})


class Lines:
    """Whole lines, each with its newline, from the entries of an output eventlog (RFC 24).

    The unfinished lines of different tasks are kept apart.
    """

    def __init__(self, stream: str | None = None) -> None:
        self.redirects: list[dict[str, Any]] = []
        self._stream = stream
        self._rest: dict[tuple[str, str], bytes] = {}
        self._held = 0

    def take(self, events: OutputBatch | list[Event]) -> list[bytes]:
        """Return the lines that these entries complete."""
        return [line for lines in self.parts(events) for line in lines]

    def parts(self, events: OutputBatch | list[Event]) -> Iterator[list[bytes]]:
        """Yield the lines that these entries complete, a limited number at a time."""
        lines: list[bytes] = []
        size = 0
        for event in events:
            context = event.context or {}
            if event.name == "redirect" and len(self.redirects) < _MAX_REDIRECTS:
                path = str(context.get("path"))[:MAX_PATH_LENGTH]
                self.redirects.append({"stream": writer_of(context)[0], "path": path})
            elif event.name == "file":
                # Unfinished lines of another source end here.
                lines += self.end()
                self._found(context)
            data = bytes_of(event, self._stream)
            if data or context.get("eof"):
                key = writer_of(context)
                ended = bool(context.get("eof")) or event.name == "log"
                for part, is_last in _steps(data):
                    self._split(key, part, ended=ended and is_last, lines=lines)
                    size += len(part)
                    if size >= _STEP_BYTES:
                        yield lines
                        lines, size = [], 0
        yield lines

    def end(self) -> list[bytes]:
        """Return the rest without a newline."""
        rest = [data for data in self._rest.values() if data]
        self._rest.clear()
        self._held = 0
        return rest

    def _found(self, context: dict[str, Any]) -> None:
        """Describe a file, in place of the redirects of its streams."""
        streams = context["streams"]
        self.redirects = [
            known
            for known in self.redirects
            if known["stream"] not in streams or len(known) > _REDIRECT_MEMBERS
        ]
        about = {name: context[name] for name in _FILE_MEMBERS if name in context}
        for stream in streams:
            if len(self.redirects) < _MAX_REDIRECTS:
                self.redirects.append({"stream": stream, **about})

    def _split(self, key: tuple[str, str], data: bytes, *, ended: bool, lines: list[bytes]) -> None:
        begun = self._rest.pop(key, b"")
        self._held -= len(begun)
        *whole, rest = (begun + data).split(b"\n")
        lines.extend(b"%b\n" % line for line in whole)
        if rest and (ended or self._is_full(len(rest))):
            lines.append(rest)
        elif rest:
            self._rest[key] = rest
            self._held += len(rest)

    def _is_full(self, size: int) -> bool:
        """Return whether an unfinished line of this size is too much to wait for its end."""
        return (
            size > _MAX_LINE_BYTES
            or len(self._rest) >= _MAX_TASKS
            or self._held + size > _MAX_UNFINISHED_BYTES
        )


def _steps(data: bytes) -> Iterator[tuple[bytes, bool]]:
    """Cut data after newlines; yield each part, and whether it is the last."""
    at = 0
    while True:
        end = data.find(b"\n", at + _STEP_BYTES) + 1 or len(data)
        yield data[at:end], end == len(data)
        at = end
        if at == len(data):
            return


async def _pieces(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Join parts to pieces of limited size."""
    gathered: list[bytes] = []
    size = 0
    async for part in parts:
        gathered.append(part)
        size += len(part)
        if size >= _PIECE_BYTES:
            yield b"".join(gathered)
            gathered, size = [], 0
    yield b"".join(gathered)


def bytes_of(event: Event, stream: str | None = None) -> bytes:
    """Return the bytes of an entry that belong to ``stream`` (``None``: any)."""
    context = event.context or {}
    if event.name == "log" and stream in {None, _LOGS}:
        return log_line(context).encode("utf-8", "replace")
    if event.name == "data" and is_of(event, stream):
        return written(context)
    return b""


async def _events(source: Search) -> AsyncIterator[Event]:
    async for batch in source:
        for event in batch:
            yield event


async def written_bytes(
    source: Search, stream: str | None, tail: int | None
) -> AsyncIterator[bytes]:
    """Yield the output byte for byte."""
    if tail is None:
        async for piece in _pieces(bytes_of(event, stream) async for event in _events(source)):
            yield piece
        return
    async for lines in _lines(source, Lines(stream), tail):
        yield b"".join(lines)


async def text(source: Search, stream: str | None, tail: int | None) -> AsyncIterator[bytes]:
    """Yield the output as UTF-8 text, and at its end the number of replaced bytes."""
    made = PlainText()
    if tail is None:
        texts = (_text_of(event, stream, made) async for event in _events(source))
        async for piece in _pieces(texts):
            yield piece
    else:
        async for lines in _lines(source, Lines(stream), tail):
            yield b"".join(map(made.line, lines))
    yield made.end() + source.note()


def _text_of(event: Event, stream: str | None, made: PlainText) -> bytes:
    if event.name != "data":
        return bytes_of(event, stream)
    return made.take(event.context or {}) if is_of(event, stream) else b""


async def entries(source: Search, stream: str | None, tail: int | None) -> AsyncIterator[bytes]:
    """Yield the entries as Flux stores them, one per line."""

    def parts(batch: OutputBatch) -> list[list[bytes]]:
        return [[encode_event(event) + b"\n" for event in batch if is_of(event, stream)]]

    if tail is None:
        async for batch in source:
            yield b"".join(*parts(batch))
    else:
        tails = last_lines(source, source.reader, parts, tail, keeps_notice=True)
        async for lines in tails:
            yield b"".join(lines)


async def labeled_entries(
    source: Search, name: str, stream: str | None, tail: int | None
) -> AsyncIterator[bytes]:
    """Yield the entries with the ID of their job, one per line, without the header.

    An entry with the name ``cut`` follows if the search for the tail reached its limit.
    """
    head = b'{"id":"%b",' % name.encode()
    async for piece in entries(source, stream, tail):
        lines = [
            line for line in piece.split(b"\n") if line and b'"name":"header"' not in line[:64]
        ]
        if lines:
            yield b"".join([head + line[1:] + b"\n" for line in lines])
    if source.searched:
        yield head + b'"name":"cut","context":{"searched":%d}}\n' % source.searched


async def labeled_lines(
    source: Search, name: str, stream: str | None, tail: int | None
) -> AsyncIterator[bytes]:
    """Yield lines of UTF-8 text, each after the ID of its job."""
    head, made = name.encode() + b": ", PlainText()
    async for lines in _lines(source, Lines(stream), tail):
        yield b"".join([head + made.line(line).rstrip(b"\n") + b"\n" for line in lines])
    note = made.end() + source.note()
    if note:
        yield head + note


async def document(
    source: Search, name: str, stream: str | None, tail: int | None
) -> AsyncIterator[bytes]:
    """Yield ``{"Output": [...]}`` in pieces; before the first entry, a Message."""
    gathered, made = Lines(stream), PlainText()
    head = b'{"Output":['
    async for lines in _lines(source, gathered, tail):
        yield head + json_bytes([made.line(line).decode() for line in lines])[1:-1]
        head = b","
    if not source.started:
        message = f"The output of job {name} does not exist yet, or the job has none."
        yield json_bytes({"Message": message})
        return
    closing = b"]" if head == b"," else head + b"]"
    if gathered.redirects:
        closing += b',"redirects":' + json_bytes(gathered.redirects)
    if made.replaced:
        closing += b',"replaced":%d' % made.replaced
    if source.searched:
        closing += b',"searched":%d' % source.searched
    yield closing + b"}"


async def _lines(source: Search, lines: Lines, tail: int | None) -> AsyncIterator[list[bytes]]:
    if tail is not None:
        async for some in last_lines(source, source.reader, lines.parts, tail, lines.end):
            yield some
        return
    turn = TimeSlice()
    async for batch in source:
        for found in lines.parts(batch):
            await turn.share()
            if found:
                yield found
    rest = lines.end()
    for at in range(0, len(rest), _MAX_EVENTS):
        await turn.share()
        yield rest[at : at + _MAX_EVENTS]

"""The output of a job in each form that it is answered in: pieces of bytes, one after the other.

What the job's shell says about the job (entries of the name ``log``) belongs to standard error, as
``flux job attach`` has it, and is in every form.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterable, AsyncIterator

from fluxapi.model.eventlog import Event, encode_event
from fluxapi.model.output import OutputBatch, PlainText, is_of, log_line, search_note, written

from .support import json_bytes

__all__ = ["Lines", "Search", "document", "entries", "text", "written_bytes"]

Source = AsyncIterator[OutputBatch]

_MAX_LINE_BYTES = 65536
"""Length after which a line without an end is given out all the same."""

_MAX_TAIL_BYTES = 8 << 20
"""What a tail holds at most; the oldest lines go first."""

_MAX_TASKS = 65536
"""Tasks that may be in the middle of a line; of more, pieces are lines of their own."""

_MAX_REDIRECTS = 100

_LOGS = "stderr"
"""The stream that messages of the job shell belong to."""


class Search:
    """Batches of an output, and how far a search for its end went if it ended at its bound.

    ``searched`` is the number of bytes then, and 0 otherwise.
    """

    def __init__(self, source: Source) -> None:
        self.searched = 0
        self._source = source

    async def __aiter__(self) -> AsyncIterator[OutputBatch]:
        async for batch in self._source:
            if batch.cut:
                self.searched = batch.searched
            yield batch

    def note(self) -> bytes:
        """Return a line that says how far the search went; nothing if it found everything."""
        return search_note({"cut": bool(self.searched), "searched": self.searched})


class Lines:
    """Whole lines, each with its newline, from the entries of an output eventlog (RFC 24).

    Tasks are told apart: a line that one task writes in pieces is not mixed with those of others.
    """

    def __init__(self, stream: str | None = None) -> None:
        self.redirects: list[dict[str, str]] = []
        self._stream = stream
        self._rest: dict[tuple[str, str], bytes] = {}

    def take(self, events: OutputBatch | list[Event]) -> list[bytes]:
        """The lines that these entries complete."""
        lines: list[bytes] = []
        for event in events:
            context = event.context or {}
            if event.name == "redirect" and len(self.redirects) < _MAX_REDIRECTS:
                self.redirects.append(
                    {"stream": str(context.get("stream")), "path": str(context.get("path"))}
                )
            data = bytes_of(event, self._stream)
            if data or context.get("eof"):
                key = (str(context.get("stream")), str(context.get("rank")))
                ended = bool(context.get("eof")) or event.name == "log"
                self._split(key, data, ended=ended, lines=lines)
        return lines

    def end(self) -> list[bytes]:
        """What was left without a newline."""
        rest = [data for data in self._rest.values() if data]
        self._rest.clear()
        return rest

    def _split(self, key: tuple[str, str], data: bytes, *, ended: bool, lines: list[bytes]) -> None:
        data = self._rest.pop(key, b"") + data
        *whole, rest = data.split(b"\n")
        lines.extend(b"%b\n" % line for line in whole)
        full = len(rest) > _MAX_LINE_BYTES or len(self._rest) >= _MAX_TASKS
        if rest and (ended or full):
            lines.append(rest)
        elif rest:
            self._rest[key] = rest


def bytes_of(event: Event, stream: str | None = None) -> bytes:
    """The bytes of an entry that are of ``stream`` (any if ``None``)."""
    context = event.context or {}
    if event.name == "log" and stream in {None, _LOGS}:
        return log_line(context).encode("utf-8", "replace")
    if event.name == "data" and is_of(event, stream):
        return written(context)
    return b""


async def written_bytes(
    source: Search, stream: str | None, tail: int | None
) -> AsyncIterator[bytes]:
    """What the job wrote, byte for byte."""
    if tail is None:
        async for batch in source:
            yield b"".join(bytes_of(event, stream) for event in batch)
        return
    async for lines in _lines(source, Lines(stream), tail):
        yield b"".join(lines)


async def text(source: Search, stream: str | None, tail: int | None) -> AsyncIterator[bytes]:
    """What the job wrote as text in UTF-8, and at its end how much of it is not."""
    made = PlainText()
    if tail is None:
        async for batch in source:
            yield b"".join(_text_of(event, stream, made) for event in batch)
    else:
        async for lines in _lines(source, Lines(stream), tail):
            yield b"".join(map(made.line, lines))
    yield made.end() + source.note()


def _text_of(event: Event, stream: str | None, made: PlainText) -> bytes:
    if event.name != "data":
        return bytes_of(event, stream)
    return made.take(event.context or {}) if is_of(event, stream) else b""


async def entries(source: Search, stream: str | None, tail: int | None) -> AsyncIterator[bytes]:
    """The entries as Flux has them, one a line."""
    kept: deque[bytes] = deque()
    held = 0
    async for batch in source:
        lines = [encode_event(event) + b"\n" for event in batch if is_of(event, stream)]
        if tail is None:
            yield b"".join(lines)
        else:
            kept.extend(lines)
            held = _shorten(kept, held + sum(map(len, lines)), tail)
    yield b"".join(kept)


async def document(
    source: Search, name: str, stream: str | None, tail: int | None
) -> AsyncIterator[bytes]:
    """``{"Output": [...]}``, piece by piece; without any entry yet, a Message."""
    started = False
    gathered, made = Lines(stream), PlainText()

    async def watched() -> AsyncIterator[OutputBatch]:
        nonlocal started
        async for batch in source:
            started = started or batch.next > 0
            yield batch

    head = b'{"Output":['
    async for lines in _lines(watched(), gathered, tail):
        yield head + json_bytes([made.line(line).decode() for line in lines])[1:-1]
        head = b","
    if not started:
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


async def _lines(
    source: AsyncIterable[OutputBatch], lines: Lines, tail: int | None
) -> AsyncIterator[list[bytes]]:
    kept: deque[bytes] = deque()
    held = 0
    async for batch in source:
        found = lines.take(batch)
        if tail is not None:
            kept.extend(found)
            held = _shorten(kept, held + sum(map(len, found)), tail)
        elif found:
            yield found
    rest = lines.end()
    if tail is not None:
        kept.extend(rest)
        _shorten(kept, held + sum(map(len, rest)), tail)
        rest = list(kept)
    if rest:
        yield rest


def _shorten(kept: deque[bytes], held: int, tail: int) -> int:
    while len(kept) > tail or (held > _MAX_TAIL_BYTES and len(kept) > 1):
        held -= len(kept.popleft())
    return held

"""A job's output eventlog (RFC 24): its entries, their data, and its tail.

A job can write anything into its own eventlog, so no entry is trusted: an invalid one is replaced
by an ``invalid`` entry with a message, and never fails the reader.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from .eventlog import Event
from .shallow import decode, is_wide

__all__ = [
    "MAX_ENTRY_BYTES",
    "MAX_FILE_BYTES",
    "MAX_SEARCH_BYTES",
    "WEIGHT_BYTES",
    "Gap",
    "Last",
    "OutputBatch",
    "PlainText",
    "Tail",
    "decode_entry",
    "file_base",
    "holds_data",
    "is_of",
    "log_line",
    "memory_of",
    "runs_from_end",
    "search_note",
    "source_of",
    "writer_of",
    "written",
]

MAX_ENTRY_BYTES = 16 << 20
"""A longer entry is left out. The job shell writes at most a line, or a few MiB, at once."""

_MAX_STRUCTURE_BYTES = 64 << 10
"""Bytes of an entry outside of its strings; one of the job shell has a few."""

MAX_SEARCH_BYTES = 256 << 20
"""Bytes at the end of an eventlog that are searched for the tail of an output."""

WEIGHT_BYTES = 512
"""Approximate memory of an entry without its data."""

_FILES_SHIFT, _FILE_SHIFT = 48, 42
"""Bits of the indexes of the eventlog, which come first, and of the indexes of each file."""

MAX_FILE_BYTES = (1 << _FILE_SHIFT) - 2
"""The largest file whose bytes have an index. The largest index of all is below 2^53, for JSON."""

_MAX_REPEATED_BYTES = 1 << 20
"""Limit of ``data`` times ``repeat``, so that an entry cannot exhaust memory."""

_OWN_NAMES = frozenset({"file"})
"""Names of entries that the service makes itself, so that a job cannot write them."""

_MAX_WRITER_CHARS = 256
"""Characters that are kept of the name of a stream, and of a list of ranks."""

_LEVELS = ("FATAL", "FATAL", "FATAL", "ERROR", "WARN", "", "DEBUG", "TRACE")
"""Words for the levels of a log entry, as in ``flux job attach``."""

_MAX_DECODERS = 4096
"""Tasks whose incomplete characters are kept; those of further tasks are not completed."""

_REPLACEMENT = "\ufffd".encode()

_decoder = msgspec.json.Decoder(Event)


class Last(msgspec.Struct, frozen=True):
    """A request for the tail of an output.

    The tail begins with the last ``count`` entries that contain data of ``stream`` (``None``: any)
    or, with ``lines``, with the entries that contain the last ``count`` newlines. It includes the
    entries in between, without the data of other streams, in at most about ``size`` bytes. The
    search covers about the last ``search`` bytes of the eventlog.
    """

    count: int
    stream: str | None = None
    lines: bool = False
    size: int = 8 << 20
    search: int = MAX_SEARCH_BYTES

    def weight(self, event: Event) -> int:
        """Return how many of ``count`` entries or newlines *event* stands for."""
        if not holds_data(event, self.stream):
            return 0
        return written(event.context or {}).count(b"\n") if self.lines else 1


class Gap(msgspec.Struct, frozen=True):
    """A part of an output that is not kept.

    Attributes:
        lines: Lines of the whole output that end before the part after the gap; ``None``: unknown.
    """

    lines: int | None = None


class OutputBatch(msgspec.Struct):
    """Consecutive entries of an output eventlog; ``first`` is the index of the first.

    The index of an entry never changes. Indexes ascend, and may skip numbers between two batches.
    In a batch without entries, ``first`` is the lowest index that the next entry may have, and
    ``searched`` is the number of bytes that the search for the tail has read so far. ``cut`` is set
    in the last batch of a search that reached its limit. A batch with a ``gap`` has one entry,
    which stands in place of those that are not kept.
    """

    first: int
    events: list[Event]
    searched: int = 0
    cut: bool = False
    gap: Gap | None = None

    def __iter__(self) -> Iterator[Event]:
        return iter(self.events)

    def __len__(self) -> int:
        return len(self.events)

    @property
    def next(self) -> int:
        """The index to resume from."""
        return self.first + len(self.events)


def runs_from_end(base: int, found: Sequence[tuple[int, Event]]) -> list[OutputBatch]:
    """Group entries, which come last first, into batches of consecutive ones."""
    runs: list[OutputBatch] = []
    for place, event in reversed(found):
        if runs and runs[-1].next == base + place:
            runs[-1].events.append(event)
        else:
            runs.append(OutputBatch(base + place, [event]))
    return runs[::-1]


def file_base(number: int) -> int:
    """Return the least index of the entries of a file; the files of a job count from 1."""
    return (1 << _FILES_SHIFT) + ((number - 1) << _FILE_SHIFT)


def source_of(index: int) -> int:
    """Return the number of the file that an entry comes from, 0 for the output eventlog."""
    return 1 + ((index - (1 << _FILES_SHIFT)) >> _FILE_SHIFT) if index >> _FILES_SHIFT else 0


def decode_entry(line: bytes) -> Event:
    """Decode one entry; return an ``invalid`` entry with a message if it is not valid."""
    if len(line) <= MAX_ENTRY_BYTES and not is_wide(line, _MAX_STRUCTURE_BYTES):
        try:
            event = decode(_decoder.decode, line)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return _invalid("is not valid")
        if not math.isfinite(event.timestamp):
            event.timestamp = 0.0
        if event.name in _OWN_NAMES:
            return _invalid("has a reserved name")
        return event
    if len(line) <= MAX_ENTRY_BYTES:
        return _invalid("is not text")
    return _invalid(f"has {len(line)} bytes, more than {MAX_ENTRY_BYTES},")


def _invalid(why: str) -> Event:
    return Event(0.0, "invalid", {"message": f"An entry of the output {why} and is left out."})


def written(context: Mapping[str, Any]) -> bytes:
    """Return the bytes of a data entry."""
    text = context.get("data")
    if not isinstance(text, str):
        return b""
    data = text.encode("utf-8", "replace")
    if context.get("encoding") == "base64":
        try:
            data = base64.b64decode(text)
        except (binascii.Error, ValueError):
            return data
    repeat = context.get("repeat", 1)
    if isinstance(repeat, int) and 0 < repeat * len(data) <= _MAX_REPEATED_BYTES:
        return data * repeat
    return data


def writer_of(context: Mapping[str, Any]) -> tuple[str, str]:
    """Return the stream and the ranks of an entry, which stand for those who wrote it."""
    return _short(context.get("stream", "")), _short(context.get("rank", ""))


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= _MAX_WRITER_CHARS else text[:_MAX_WRITER_CHARS]


def is_of(event: Event, stream: str | None) -> bool:
    """Return whether a reader of *stream* (``None``: any) receives *event*."""
    return stream is None or (event.context or {}).get("stream", stream) == stream


def holds_data(event: Event, stream: str | None) -> bool:
    """Return whether *event* contains data of *stream* (``None``: any)."""
    context = event.context or {}
    return event.name == "data" and bool(context.get("data")) and is_of(event, stream)


def log_line(context: Mapping[str, Any]) -> str:
    """Return a log message of the job shell as ``flux job attach`` prints it, without the time."""
    rank, level, component = (context.get(name) for name in ("rank", "level", "component"))
    where = f"[{rank}]" if isinstance(rank, int) else ""
    words = [f"flux-shell{where}"]
    if isinstance(level, int) and 0 <= level < len(_LEVELS) and _LEVELS[level]:
        words.append(_LEVELS[level])
    if isinstance(component, str) and component:
        words.append(component)
    return ": ".join([*words, str(context.get("message", ""))]) + "\n"


def search_note(progress: Mapping[str, Any]) -> bytes:
    """Return a line that says how far the search for a tail went, if it reached its limit."""
    if not progress["cut"]:
        return b""
    return (
        b"\n[fluxapi: only the last %d bytes of the output were searched; "
        b"without tail all of it is read]\n" % progress["searched"]
    )


class PlainText:
    """A decoder of the output of a job to UTF-8 text.

    It completes a character that a task writes in two pieces. ``replaced`` counts the replacement
    characters that were inserted for bytes that are not UTF-8.
    """

    def __init__(self) -> None:
        self.replaced = 0
        self._decoders: dict[tuple[str, str], codecs.IncrementalDecoder] = {}

    def take(self, context: Mapping[str, Any]) -> bytes:
        """Return the text of a data entry."""
        data = written(context)
        key = writer_of(context)
        decoder = self._decoders.get(key)
        ended = bool(context.get("eof"))
        if decoder is None:
            if context.get("encoding") != "base64":
                return data
            if len(self._decoders) >= _MAX_DECODERS:
                return self.line(data)
            decoder = self._decoders[key] = _new_decoder()
        whole = decoder.getstate()[0] + data
        text = decoder.decode(data, ended)
        if ended or decoder.getstate()[0] == b"":
            del self._decoders[key]
        return self._counted(text, whole)

    def line(self, data: bytes) -> bytes:
        """Return the text of a whole line."""
        return self._counted(data.decode("utf-8", "replace"), data)

    def end(self) -> bytes:
        """Return the incomplete characters, and the note of replaced bytes."""
        rest = "".join(decoder.decode(b"", True) for decoder in self._decoders.values())
        self._decoders.clear()
        text = self._counted(rest, b"")
        return text + self.note().encode()

    def note(self) -> str:
        """Return a line with the number of replaced bytes, or an empty text without any."""
        if not self.replaced:
            return ""
        return (
            f"\n[fluxapi: {self.replaced} \ufffd stand for bytes that are not UTF-8; "
            "Accept: application/octet-stream gives them as they were written]\n"
        )

    def _counted(self, text: str, data: bytes) -> bytes:
        """Return *text*, decoded from *data*, and count its replacements; each step is in C."""
        if not text.isascii():
            # The job itself may have written some of them.
            self.replaced += text.count("\ufffd") - data.count(_REPLACEMENT)
        return text.encode()


def _new_decoder() -> codecs.IncrementalDecoder:
    return codecs.getincrementaldecoder("utf-8")("replace")


class Tail:
    """The tail of an output that is read from its beginning."""

    def __init__(self, last: Last) -> None:
        self._last = last
        self._kept: deque[tuple[int, Event, int, int]] = deque()
        self._size = 0
        self._weight = 0
        self._next = 0

    def take(self, batch: OutputBatch) -> None:
        """Add the next entries."""
        for index, event in enumerate(batch, batch.first):
            if event.name == "data" and not is_of(event, self._last.stream):
                continue
            size = memory_of(event)
            weight = self._last.weight(event)
            self._kept.append((index, event, size, weight))
            self._size += size
            self._weight += weight
            self._shorten()
        self._next = batch.next

    def batches(self) -> Iterator[OutputBatch]:
        """Yield the tail, and a batch without entries whose ``first`` is the index after it."""
        batch: OutputBatch | None = None
        for index, event, _, _ in self._kept:
            if batch is not None and batch.next == index:
                batch.events.append(event)
                continue
            if batch is not None:
                yield batch
            batch = OutputBatch(index, [event])
        if batch is not None:
            yield batch
        yield OutputBatch(self._next, [])

    def _shorten(self) -> None:
        kept = self._kept
        while kept and (
            self._weight - kept[0][3] >= self._last.count
            or (self._size > self._last.size and len(kept) > 1)
        ):
            _, _, size, weight = kept.popleft()
            self._size -= size
            self._weight -= weight


def memory_of(event: Event) -> int:
    """Return the approximate memory of an entry."""
    data = (event.context or {}).get("data")
    return WEIGHT_BYTES + (len(data) if isinstance(data, str) else 0)

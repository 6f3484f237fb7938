"""A job's output eventlog (RFC 24): its entries, their bytes, and the end of it.

A job can write anything into its own eventlog, so nothing here trusts an entry: one that is not
valid becomes an entry that says so, and never an error for the reader.
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
from .shallow import decode

__all__ = [
    "MAX_ENTRY_BYTES",
    "MAX_SEARCH_BYTES",
    "WEIGHT_BYTES",
    "Last",
    "OutputBatch",
    "PlainText",
    "Tail",
    "decode_entries",
    "decode_entry",
    "holds_data",
    "is_of",
    "log_line",
    "runs_from_end",
    "search_note",
    "written",
]

MAX_ENTRY_BYTES = 16 << 20
"""A longer entry is left out. The job shell writes at most a line or a few MiB at once."""

MAX_SEARCH_BYTES = 256 << 20
"""Bytes of an eventlog, from its end, in which the end of an output is searched for."""

WEIGHT_BYTES = 512
"""Memory that an entry takes besides its data, about."""

_MAX_REPEATED_BYTES = 1 << 20
"""What ``data`` and ``repeat`` may make together: an entry must not fill the memory."""

_LEVELS = ("FATAL", "FATAL", "FATAL", "ERROR", "WARN", "", "DEBUG", "TRACE")
"""Words for the levels of a log entry, as ``flux job attach`` has them."""

_MAX_DECODERS = 4096
"""Tasks that may be in the middle of a character; of others the pieces are not put together."""

_REPLACEMENT = "\ufffd".encode()

_decoder = msgspec.json.Decoder(Event)


class Last(msgspec.Struct, frozen=True):
    """The end of an output.

    It begins with the last ``count`` entries that hold data of ``stream`` (``None``: any) or, if
    ``lines``, with the entries that hold the last ``count`` newlines. What lies between belongs to
    it, without the data of other streams, in at most about ``size`` bytes. It is searched for in
    about the last ``search`` bytes of the eventlog.
    """

    count: int
    stream: str | None = None
    lines: bool = False
    size: int = 8 << 20
    search: int = MAX_SEARCH_BYTES

    def weight(self, event: Event) -> int:
        """Return how much of ``count`` an entry makes up."""
        if not holds_data(event, self.stream):
            return 0
        return written(event.context or {}).count(b"\n") if self.lines else 1


class OutputBatch(msgspec.Struct):
    """Entries of an output eventlog that follow each other; ``first`` is the index of the first.

    An index grows from entry to entry and stays that of its entry, but may skip numbers from one
    batch to the next. Without entries, ``first`` is the index from which the next may come.

    In a batch without entries, ``searched`` is how many bytes of the eventlog a search for its end
    has read so far. The last batch of a search that ended at its bound is ``cut``.
    """

    first: int
    events: list[Event]
    searched: int = 0
    cut: bool = False

    def __iter__(self) -> Iterator[Event]:
        return iter(self.events)

    def __len__(self) -> int:
        return len(self.events)

    @property
    def next(self) -> int:
        """The index from which on to go on."""
        return self.first + len(self.events)


def runs_from_end(base: int, found: Sequence[tuple[int, Event]]) -> list[OutputBatch]:
    """Return entries, the last of them first, as batches of those that follow each other."""
    runs: list[OutputBatch] = []
    for place, event in reversed(found):
        if runs and runs[-1].next == base + place:
            runs[-1].events.append(event)
        else:
            runs.append(OutputBatch(base + place, [event]))
    return runs[::-1]


def decode_entry(line: bytes) -> Event:
    """Decode one entry; one that is not valid becomes an entry ``invalid`` with a message."""
    if len(line) <= MAX_ENTRY_BYTES:
        try:
            event = decode(_decoder.decode, line)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return _invalid("is not valid")
        if not math.isfinite(event.timestamp):
            event.timestamp = 0.0
        return event
    return _invalid(f"has {len(line)} bytes, more than {MAX_ENTRY_BYTES},")


def decode_entries(text: bytes) -> list[Event]:
    """Decode an output eventlog: one entry a line."""
    return [decode_entry(line) for line in text.split(b"\n") if line]


def _invalid(why: str) -> Event:
    return Event(0.0, "invalid", {"message": f"An entry of the output {why} and is left out."})


def written(context: Mapping[str, Any]) -> bytes:
    """Return the bytes that a data entry stands for."""
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


def is_of(event: Event, stream: str | None) -> bool:
    """Return whether a reader of ``stream`` (``None``: any) is to have an entry."""
    return stream is None or (event.context or {}).get("stream", stream) == stream


def holds_data(event: Event, stream: str | None) -> bool:
    """Return whether an entry holds data of ``stream`` (``None``: any)."""
    context = event.context or {}
    return event.name == "data" and bool(context.get("data")) and is_of(event, stream)


def log_line(context: Mapping[str, Any]) -> str:
    """Return a message of the job shell as ``flux job attach`` shows it, without its time."""
    rank, level, component = (context.get(name) for name in ("rank", "level", "component"))
    where = f"[{rank}]" if isinstance(rank, int) else ""
    words = [f"flux-shell{where}"]
    if isinstance(level, int) and 0 <= level < len(_LEVELS) and _LEVELS[level]:
        words.append(_LEVELS[level])
    if isinstance(component, str) and component:
        words.append(component)
    return ": ".join([*words, str(context.get("message", ""))]) + "\n"


def search_note(progress: Mapping[str, Any]) -> bytes:
    """Return a line that says how far the search for a tail went, if it ended at its bound."""
    if not progress["cut"]:
        return b""
    return (
        b"\n[fluxapi: only the last %d bytes of the output were searched; "
        b"without tail all of it is read]\n" % progress["searched"]
    )


class PlainText:
    """Makes text in UTF-8 of what a job writes, and keeps count of what is not.

    A character that a task writes in two pieces is whole. ``replaced`` counts the replacement
    characters that stand for bytes that are not UTF-8.
    """

    def __init__(self) -> None:
        self.replaced = 0
        self._decoders: dict[tuple[str, str], codecs.IncrementalDecoder] = {}

    def take(self, context: Mapping[str, Any]) -> bytes:
        """Return the text of a data entry."""
        data = written(context)
        key = str(context.get("stream")), str(context.get("rank"))
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
        """Return what is left of characters that are not whole, and a note of what was replaced."""
        rest = "".join(decoder.decode(b"", True) for decoder in self._decoders.values())
        self._decoders.clear()
        text = self._counted(rest, b"")
        return text + self.note().encode()

    def note(self) -> str:
        """Return a line that says how much was replaced; nothing if nothing was."""
        if not self.replaced:
            return ""
        return (
            f"\n[fluxapi: {self.replaced} \ufffd stand for bytes that are not UTF-8; "
            "Accept: application/octet-stream gives them as they were written]\n"
        )

    def _counted(self, text: str, data: bytes) -> bytes:
        """Return *text*, made of *data*; every step is one of C, however many bytes are bad."""
        if not text.isascii():
            # Some of them may have been written as such.
            self.replaced += text.count("\ufffd") - data.count(_REPLACEMENT)
        return text.encode()


def _new_decoder() -> codecs.IncrementalDecoder:
    return codecs.getincrementaldecoder("utf-8")("replace")


class Tail:
    """Finds the end of an output that is read from its beginning."""

    def __init__(self, last: Last) -> None:
        self._last = last
        self._kept: deque[tuple[int, Event, int, int]] = deque()
        self._size = 0
        self._weight = 0
        self._next = 0

    def take(self, batch: OutputBatch) -> None:
        """Take the entries that follow those before."""
        for index, event in enumerate(batch, batch.first):
            if event.name == "data" and not is_of(event, self._last.stream):
                continue
            size = _size(event)
            weight = self._last.weight(event)
            self._kept.append((index, event, size, weight))
            self._size += size
            self._weight += weight
            self._shorten()
        self._next = batch.next

    def batches(self) -> Iterator[OutputBatch]:
        """Yield the end, and a batch without entries that says where it is."""
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


def _size(event: Event) -> int:
    data = (event.context or {}).get("data")
    return WEIGHT_BYTES + (len(data) if isinstance(data, str) else 0)

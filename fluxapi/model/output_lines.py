"""The lines of an output: each entry of an output eventlog (RFC 24) completes some of them.

A line is numbered when it ends, so the numbers do not depend on the reader: all readers count the
same lines, whichever of them they want.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from .eventlog import Event
from .idset import IdSet
from .output import log_line, writer_of, written

__all__ = ["MAX_LINE_BYTES", "LineReader", "OutputLine", "Part"]

MAX_LINE_BYTES = 16 << 10
"""Bytes of a line that are kept; the rest of a longer line is only counted."""

_MAX_OPEN_BYTES = 16 << 20
"""Bytes of all unfinished lines together that are kept."""

_MIN_OPEN_BYTES = 256
"""Bytes that are kept of each unfinished line in any case."""

_MAX_OPEN_LINES = 65_536
"""Tasks that may have an unfinished line; with more, each piece is a line of its own."""

_MAX_RANKS_CHARS = 4096

_PLAIN = frozenset({"stream", "rank", "data"})
"""The members of an entry whose text is its data."""

_LOGS = "stderr"
"""The stream of the messages of the job shell."""


class OutputLine(msgspec.Struct, gc=False):
    """One line.

    Attributes:
        number: Counts the lines of its source from 1.
        index: The index of the entry that ends it.
        timestamp: The time of this entry.
        data: The line without its newline, at most ``MAX_LINE_BYTES``.
        size: Bytes of the whole line.
        is_open: It has no end yet, and its number may change.
    """

    number: int
    index: int
    timestamp: float
    stream: str
    rank: str
    data: bytes
    size: int
    is_open: bool = False


class Part(msgspec.Struct, frozen=True):
    """The part of an output that a reader wants: one stream, one task, or all (``None``)."""

    stream: str | None = None
    task: int | None = None

    def has(self, event: Event) -> bool:
        """Return whether *event* belongs to the part; the job shell writes for no task."""
        if event.name == "log":
            return self.task is None and self.stream in {None, _LOGS}
        context = event.context or {}
        return self.has_key(context.get("stream", self.stream), context.get("rank"))

    def has_key(self, stream: object, ranks: object) -> bool:
        """Return whether the output of a stream of these ranks belongs to the part."""
        if self.stream is not None and self.stream != stream:
            return False
        if self.task is None:
            return True
        text = str(ranks)
        return len(text) <= _MAX_RANKS_CHARS and _is_task(text, self.task)


@lru_cache(256)
def _is_task(ranks: str, task: int) -> bool:
    """Return whether a list of ranks (RFC 22) contains a task; an invalid one contains none."""
    try:
        found = IdSet.parse(ranks)
    except ValueError:
        return False
    return task in found


class _OpenLine:
    """A line without an end: the begin of its bytes, and its size."""

    __slots__ = ("data", "event", "index", "room", "size")

    def __init__(self, room: int) -> None:
        self.data = bytearray()
        self.size = 0
        self.room = room
        self.index = 0
        self.event: Event | None = None

    def add(self, piece: bytes, index: int, event: Event) -> None:
        self.data += piece[: max(self.room - len(self.data), 0)]
        self.size += len(piece)
        self.index, self.event = index, event


class LineReader:
    """Numbers the lines of one source, after the first *count*.

    Attributes:
        count: Lines that have ended.
        size: Bytes of output so far.
    """

    def __init__(self, count: int = 0) -> None:
        self.count = count
        self.size = 0
        self._open: dict[tuple[str, str], _OpenLine] = {}
        self._held = 0

    @property
    def is_between(self) -> bool:
        """Return whether no line is unfinished, so that another reader can begin here."""
        return not self._open

    def take(
        self,
        index: int,
        event: Event,
        part: Part | None,
        *,
        after: int = 0,
        holds: Callable[[bytes], bool] | None = None,
    ) -> Iterator[OutputLine]:
        """Yield the lines of *part* that an entry completes; only count the others.

        Args:
            index: The index of the entry.
            event: The entry.
            part: The wanted part; ``None``: only count.
            after: Lines up to this number are not wanted.
            holds: Tells of bytes with many lines whether one of them may be wanted.
        """
        key, data, ended = _content(event)
        wanted = part is not None and part.has(event)
        self.size += len(data)
        if key in self._open:
            line, data = self._resume(key, data, index, event, ended=ended)
            if line is not None and wanted and line.number > after:
                yield line
        at = 0
        if wanted and (not after or self._reaches(after, data)) and (not holds or holds(data)):
            while (end := data.find(b"\n", at)) >= 0:
                self.count += 1
                if self.count > after:
                    whole = data[at : min(end, at + MAX_LINE_BYTES)]
                    yield self._line(key, index, event, whole, end - at)
                at = end + 1
        else:
            self.count += data.count(b"\n")
            at = data.rfind(b"\n") + 1
        if at < len(data):
            line = self._begin(key, data[at:], index, event, ended=ended)
            if line is not None and wanted and line.number > after:
                yield line

    def _resume(
        self, key: tuple[str, str], data: bytes, index: int, event: Event, *, ended: bool
    ) -> tuple[OutputLine | None, bytes]:
        """Add to an unfinished line; return it if it ends now, and the data after it."""
        unfinished = self._open[key]
        end = data.find(b"\n")
        unfinished.add(data if end < 0 else data[:end], index, event)
        if end < 0 and not ended:
            return None, b""
        del self._open[key]
        self._held -= unfinished.room
        self.count += 1
        line = self._line(key, index, event, unfinished.data, unfinished.size)
        return line, b"" if end < 0 else data[end + 1 :]

    def _begin(
        self, key: tuple[str, str], data: bytes, index: int, event: Event, *, ended: bool
    ) -> OutputLine | None:
        """Begin a line that has no newline yet; return it if it ends without one."""
        if ended or len(self._open) >= _MAX_OPEN_LINES:
            self.count += 1
            return self._line(key, index, event, data[:MAX_LINE_BYTES], len(data))
        room = MAX_LINE_BYTES if self._held < _MAX_OPEN_BYTES else _MIN_OPEN_BYTES
        self._held += room
        self._open[key] = opened = _OpenLine(room)
        opened.add(data, index, event)
        return None

    def skip(
        self,
        events: Sequence[Event],
        part: Part | None,
        *,
        after: int = 0,
        holds: Callable[[bytes], bool] | None = None,
    ) -> bool:
        """Count the lines of many entries at once if none of them is wanted; see :meth:`take`.

        Returns ``False``, and counts nothing, if one may be wanted or they are not whole lines.
        """
        if self._open:
            return False
        texts: list[str] = []
        keys: set[tuple[Any, Any]] = set()
        for event in events:
            context = event.context or {}
            text = context.get("data")
            if event.name != "data" or not text:
                # The end of a stream, or an entry without text: there is no unfinished line.
                if event.name == "log" or text:
                    return False
                continue
            if not isinstance(text, str) or text[-1] != "\n" or not context.keys() <= _PLAIN:
                return False
            stream, ranks = context.get("stream"), context.get("rank")
            if not isinstance(stream, str | None) or not isinstance(ranks, str | None):
                return False
            texts.append(text)
            keys.add((stream, ranks))
        data = "".join(texts).encode("utf-8", "replace")
        count = self.count + data.count(b"\n")
        is_other = part is None or not any(part.has_key(*key) for key in keys)
        if not (is_other or count <= after or (holds is not None and not holds(data))):
            return False
        self.count = count
        self.size += len(data)
        return True

    def rest(self, part: Part) -> Iterator[OutputLine | None]:
        """Yield the unfinished lines of *part*, numbered as if they ended now, ``None`` for others.

        There may be very many of the others, and a look at each takes its time.
        """
        for number, (key, unfinished) in enumerate(self._open.items(), self.count + 1):
            event = unfinished.event
            if event is None or not part.has(event):
                yield None
                continue
            yield OutputLine(
                number, unfinished.index, event.timestamp, *key, bytes(unfinished.data),
                unfinished.size, is_open=True,
            )  # fmt: skip

    def break_off(self, part: Part) -> Iterator[OutputLine | None]:
        """End the unfinished lines, whose rest is not kept; yield them like :meth:`rest`."""
        for line in self.rest(part):
            if line is not None:
                line.is_open = False
            yield line
        self.count += len(self._open)
        self._open.clear()
        self._held = 0

    @property
    def open_lines(self) -> int:
        """Return the number of unfinished lines."""
        return len(self._open)

    def _reaches(self, after: int, data: bytes) -> bool:
        """Return whether a line of *data* has a number above *after*."""
        return self.count > after or self.count + data.count(b"\n") > after

    def _line(
        self, key: tuple[str, str], index: int, event: Event, data: bytes | bytearray, size: int
    ) -> OutputLine:
        return OutputLine(self.count, index, event.timestamp, *key, bytes(data), size)


def _content(event: Event) -> tuple[tuple[str, str], bytes, bool]:
    """Return the stream and the ranks of an entry, its data, and whether a line ends after it."""
    context = event.context or {}
    if event.name == "log":
        # One line, whatever the message is.
        words = log_line(context).encode("utf-8", "replace").split()
        return (_LOGS, ""), b" ".join(words), True
    key = writer_of(context)
    if event.name != "data":
        return key, b"", False
    return key, written(context), bool(context.get("eof"))

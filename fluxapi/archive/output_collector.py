"""Reads the output of a job that has ended, and keeps its head and tail in bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from contextlib import aclosing

import msgspec

from fluxapi.instance.protocol import OutputSource
from fluxapi.model.eventlog import Event, encode_event
from fluxapi.model.output import Last, OutputBatch, written
from fluxapi.model.output_data import data_context
from fluxapi.model.output_lines import LineReader
from fluxapi.process.timeslice import TimeSlice

from .stored_output import Run, StoredOutput

__all__ = ["collect_output"]

_MAX_READ_BYTES = 32 << 20
"""Bytes that are read from the beginning; of a larger output, only the tail is read then."""

_MAX_BATCHES = 1 << 19
"""Batches that are read from the beginning: a job may list millions of empty pieces."""

_MAX_ENTRIES = 1 << 30
_SAID_BY_SHELL = frozenset({"data", "log", "redirect", "invalid"})


class _Line(msgspec.Struct, gc=False):
    """One entry, encoded.

    Attributes:
        written: Bytes that the job has written by it.
        lines: Lines of the output that end before it.
    """

    index: int
    text: bytes
    written: int
    lines: int


class _Collector:
    """The head and the tail of an output, of at most *max_bytes* together."""

    def __init__(self, max_bytes: int) -> None:
        self._half = max_bytes // 2
        self._head: list[_Line] = []
        self._tail: deque[_Line] = deque()
        self._head_bytes = self._tail_bytes = 0
        self._has_head = False
        self._reader = LineReader()
        self.read = self.omitted = 0
        self.is_empty = True

    def take(self, index: int, event: Event) -> None:
        """Add the next entry."""
        context = event.context or {}
        said = event.name in _SAID_BY_SHELL and (event.name != "data" or bool(context.get("data")))
        self.is_empty = self.is_empty and not said
        text = encode_event(event) + b"\n"
        size = len(written(context)) if event.name == "data" else 0
        line = _Line(index, text, size, self._reader.count)
        for _ in self._reader.take(index, event, None):
            pass
        self.read += len(text)
        if not self._has_head and self._head_bytes + len(text) <= self._half:
            self._head.append(line)
            self._head_bytes += len(text)
            return
        if len(text) > self._half:
            line = self._cut(line, event)
        self._has_head = True
        self._tail.append(line)
        self._tail_bytes += len(line.text)
        while self._tail_bytes > self._half and self._tail:
            dropped = self._tail.popleft()
            self._tail_bytes -= len(dropped.text)
            self.omitted += dropped.written or len(dropped.text)

    def _cut(self, line: _Line, event: Event) -> _Line:
        """Return the end of an entry that is larger than the tail, of a fourth of its size."""
        context = event.context or {}
        data = written(context)[-self._half // 4 :] if event.name == "data" else b""
        stream, rank = str(context.get("stream", "")), str(context.get("rank", ""))
        if not data or len(stream) + len(rank) > self._half // 4:
            self.omitted += line.written or len(line.text)
            return _Line(line.index, b"", 0, line.lines)
        self.omitted += line.written - len(data)
        kept = Event(event.timestamp, event.name, data_context(stream, rank, data))
        # The end of the stream is not kept, so an unfinished line does not end by it.
        ends = data.count(b"\n") + (bool(context.get("eof")) and not data.endswith(b"\n"))
        lines = self._reader.count - ends
        return _Line(line.index, encode_event(kept) + b"\n", len(data), lines)

    def drop_tail(self) -> None:
        """Count the tail as left out, since a later one is read."""
        self.omitted += sum(line.written or len(line.text) for line in self._tail)
        self._tail.clear()
        self._tail_bytes = 0

    def output(self, *, is_least: bool) -> StoredOutput:
        """Return what is kept."""
        head, tail = self._head, list(self._tail)
        if not self.omitted:
            head, tail = [*head, *tail], []
        lines = next((line.lines for line in tail if line.text), self._reader.count)
        return StoredOutput(
            _runs(head), _runs(tail), self.omitted, is_least, None if is_least else lines
        )


def _runs(lines: Iterable[_Line]) -> list[Run]:
    runs: list[tuple[int, list[bytes]]] = []
    for line in lines:
        if not line.text:
            continue
        if runs and runs[-1][0] + len(runs[-1][1]) == line.index:
            runs[-1][1].append(line.text)
        else:
            runs.append((line.index, [line.text]))
    return [(first, b"".join(texts)) for first, texts in runs]


async def collect_output(
    source: OutputSource, jobid: int, max_bytes: int
) -> tuple[StoredOutput, bool]:
    """Return the output of a job that has ended, and whether the instance has any entry of it.

    The output has no entries if the job has written nothing.

    Raises:
        FluxapiError: The instance does not have the job, or does not answer.
    """
    collector, turn = _Collector(max_bytes), TimeSlice()
    is_least = False
    async with aclosing(source.output(jobid)) as batches:  # type: ignore[type-var]
        count = 0
        async for batch in batches:
            await _take(collector, batch, turn)
            count += 1
            is_least = collector.read > _MAX_READ_BYTES or count > _MAX_BATCHES
            if is_least:
                break
    if is_least:
        collector.drop_tail()
        # An entry counts for more there than its text has.
        last = Last(_MAX_ENTRIES, size=max_bytes * 4)
        async with aclosing(source.output(jobid, last=last)) as batches:  # type: ignore[type-var]
            async for batch in batches:
                await _take(collector, batch, turn)
    if collector.is_empty:
        return StoredOutput([]), collector.read > 0
    return collector.output(is_least=is_least), True


async def _take(collector: _Collector, batch: OutputBatch, turn: TimeSlice) -> None:
    for index, event in enumerate(batch, batch.first):
        collector.take(index, event)
        await turn.share()

"""Reads the lines of an output with their numbers, and reports its progress.

A scan is bounded in time and bytes, shares the event loop after each step, and few run at once.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import NamedTuple

import msgspec

from fluxapi.instance.protocol import OutputBatch, OutputSource
from fluxapi.model.output import file_base
from fluxapi.model.output_lines import LineReader, OutputLine, Part
from fluxapi.process.timeslice import TimeSlice

from .kept_lines import KeptLines
from .line_index import Key, LineIndex, Place
from .scan_turns import ScanTurns

__all__ = ["EVENTLOG", "Limit", "LineScanner", "Progress", "Scan"]

EVENTLOG = 0
"""The number of the output eventlog among the sources of a job; its files count from 1."""

MAX_SCAN_S = 60.0
MAX_SCAN_BYTES = 4 << 30

_PROGRESS_INTERVAL_S = 0.5

_STEP_ENTRIES = 512
"""Entries that are processed together before other tasks run."""


class Scan(NamedTuple):
    """A request for lines of one source of output.

    Attributes:
        source: Reads it.
        jobid: The job.
        number: The number of the source.
        is_past: Only the history has the job.
        part: The stream and the task that are wanted.
        after: Lines up to this number are not wanted.
        first: Lines that end before the entry with this index are not wanted.
        holds: Returns whether bytes with many lines may contain a wanted one.
        client: The reader, as limits know it.
    """

    source: OutputSource
    jobid: int
    number: int
    is_past: bool
    part: Part
    after: int = 0
    first: int = 0
    holds: Callable[[bytes], bool] | None = None
    client: str = ""

    @property
    def key(self) -> Key:
        """Return the key of the places in the output."""
        return self.jobid, self.is_past


class Progress(msgspec.Struct):
    """The progress of a request.

    Attributes:
        lines: Lines that have ended before here.
        searched: Bytes that were read.
        source: The number of the source that is read.
        before: Lines of the sources before this one, which ``lines`` includes.
        is_end: The present end of the output is reached.
    """

    lines: int
    searched: int
    source: int = EVENTLOG
    before: int = 0
    is_end: bool = False
    is_cut: bool = False
    """The scan has reached its limit."""


class Limit:
    """The time and the bytes that are left of one request, which may need several scans."""

    def __init__(self) -> None:
        self._end = time.monotonic() + MAX_SCAN_S
        self._bytes = MAX_SCAN_BYTES
        self.searched = 0
        self._told = time.monotonic() + _PROGRESS_INTERVAL_S

    def is_reached(self) -> bool:
        """Return whether nothing is left."""
        return self.searched >= self._bytes or time.monotonic() >= self._end

    def is_due(self) -> bool:
        """Return whether a message about the progress is due."""
        now = time.monotonic()
        if now < self._told:
            return False
        self._told = now + _PROGRESS_INTERVAL_S
        return True


class LineScanner:
    """The scans of the outputs of one instance, and the places that they have found.

    Attributes:
        kept: The memory of lines that were found and not sent yet.
    """

    def __init__(self) -> None:
        self.index = LineIndex()
        self.kept = KeptLines()
        self._turns = ScanTurns()

    def place(self, scan: Scan) -> Place:
        """Return the nearest place before the first line that a scan wants."""
        if scan.number:
            return Place()
        if scan.first:
            return self.index.before_entry(scan.key, scan.first)
        return self.index.before_line(scan.key, scan.after + 1)

    async def lines(
        self, scan: Scan, limit: Limit, *, until: int = 0
    ) -> AsyncGenerator[OutputLine | Progress, None]:
        """Yield the lines that a scan wants with their numbers, and between them the progress.

        The last item is a ``Progress``: with ``is_end`` at the present end of the output, with
        ``is_cut`` at the limit, with neither if the line with the number *until* was reached. A
        reader that takes long for an item while others wait is at its limit, too.
        """
        found = self._scan(scan, limit, until)
        async with self._turns.take(scan.client, found) as turn:
            async for item in found:
                with turn.giving():
                    yield item
                if turn.is_lost:
                    lines = item.lines if isinstance(item, Progress) else item.number
                    yield Progress(lines, limit.searched, is_cut=True)
                    return

    async def _scan(
        self, scan: Scan, limit: Limit, until: int
    ) -> AsyncGenerator[OutputLine | Progress, None]:
        place = self.place(scan)
        reader = LineReader(place.lines)
        turn = TimeSlice()
        before, since = limit.searched, 0
        first = place.entry or (file_base(scan.number) if scan.number else 0)
        spacing = self.index.spacing(scan.key)
        reading = scan.source.output(scan.jobid, first=first)
        async with aclosing(reading) as batches:  # type: ignore[type-var] # an async generator
            async for batch in batches:
                take = _lines if batch.gap is None else _at_gap
                async for line in take(reader, scan, batch, turn):
                    yield line
                limit.searched = before + reader.size
                if reader.size - since >= spacing and reader.is_between and not scan.number:
                    since = reader.size
                    self.index.add(scan.key, Place(reader.count, batch.next))
                if until and reader.count >= until:
                    yield Progress(reader.count, limit.searched)
                    return
                if limit.is_reached():
                    yield Progress(reader.count, limit.searched, is_cut=True)
                    return
                if limit.is_due():
                    yield Progress(reader.count, limit.searched)
        for unfinished in reader.rest(scan.part):
            await turn.share()
            if unfinished is not None and unfinished.number > scan.after:
                yield unfinished
        yield Progress(reader.count + reader.open_lines, limit.searched, is_end=True)


async def _at_gap(
    reader: LineReader, scan: Scan, batch: OutputBatch, turn: TimeSlice
) -> AsyncGenerator[OutputLine, None]:
    """Yield the wanted lines among those that a gap breaks off, and in its own batch."""
    for line in reader.break_off(scan.part):
        await turn.share()
        if line is not None and line.number > scan.after and line.index >= scan.first:
            yield line
    async for line in _lines(reader, scan, batch, turn):
        yield line
    if batch.gap is not None and batch.gap.lines is not None:
        reader.count = max(reader.count, batch.gap.lines)


async def _lines(
    reader: LineReader, scan: Scan, batch: OutputBatch, turn: TimeSlice
) -> AsyncGenerator[OutputLine, None]:
    """Yield the lines of a batch that are wanted."""
    events = batch.events
    part = scan.part if batch.next > scan.first else None
    # A batch may have many entries, and each may be a line.
    for at in range(0, len(events), _STEP_ENTRIES):
        await turn.share()
        step = events[at : at + _STEP_ENTRIES]
        if reader.skip(step, part, after=scan.after, holds=scan.holds):
            continue
        for index, event in enumerate(step, batch.first + at):
            wanted = scan.part if index >= scan.first else None
            for line in reader.take(index, event, wanted, after=scan.after, holds=scan.holds):
                yield line
                await turn.share()
            await turn.share()

"""The output of one job as it is written: one reader of the instance, and a window of entries."""

from __future__ import annotations

import asyncio
import logging
from bisect import bisect_left
from contextlib import aclosing
from itertools import islice
from typing import NamedTuple

from fluxapi.errors import (
    FluxapiError,
    InstanceEnded,
    InstanceUnavailable,
    JobNotFound,
    NotFound,
    OutputChanged,
)
from fluxapi.instance.protocol import Last, OutputBatch, OutputSource
from fluxapi.model.jobid import encode_f58
from fluxapi.model.output import source_of
from fluxapi.process.timeslice import TimeSlice
from fluxapi.process.turn_queue import work_for
from fluxapi.table.table import Table

from .entries import PIECE_BYTES, Entry, file_bytes, pieces, since

__all__ = ["WINDOW_BYTES", "End", "Watch", "Windows", "end_of"]

_log = logging.getLogger(__name__)

WINDOW_BYTES = 1 << 20
"""Size of the newest entries that a watch keeps at most."""

_MAX_WINDOWS_BYTES = 64 << 20
"""Approximate limit of the memory of all windows together."""

_MIN_WINDOW_BYTES = 64 << 10
"""Memory that each window may use, however many there are."""

_MAX_ENTRIES = 4096

_ENTRY_OVERHEAD_BYTES = 256
"""Upper bound of the memory that an entry takes besides its JSON."""

_NEAR_PARTS = 8
"""A viewer that lacks less than this part of the window (1/8) has caught up with it."""


Key = tuple[int, int, str, bool]
"""A source of output: the job, the number of the file, the stream, and whether it may be read."""


class End(NamedTuple):
    """The reason why the output ends: a word, and a sentence if there is a more specific one."""

    reason: str
    detail: str = ""


def end_of(error: Exception, jobid: int) -> End:
    """Return the end that ``error`` means for the viewers of a job."""
    if isinstance(error, NotFound):
        # The history says why it has no output of a job that it knows.
        return End("purged", "" if isinstance(error, JobNotFound) else error.detail)
    if isinstance(error, InstanceEnded):
        return End("instance-ended")
    if isinstance(error, OutputChanged):
        return End("changed", error.detail)
    if isinstance(error, FluxapiError):
        return End("lost" if isinstance(error, InstanceUnavailable) else "failed", error.detail)
    _log.error("the output of %s cannot be followed", encode_f58(jobid), exc_info=error)
    return End("failed")


class Windows:
    """The memory that all watches share.

    Attributes:
        count: The number of watches.
    """

    def __init__(self) -> None:
        self.count = 0

    @property
    def limit(self) -> int:
        """Return how many bytes the window of each watch may have."""
        share = _MAX_WINDOWS_BYTES // max(self.count, 1)
        return max(_MIN_WINDOW_BYTES, min(WINDOW_BYTES, share))


class Watch:
    """One reader of a source of a job's output from near its end on; no viewer delays it.

    The indexes of the source begin at *base*.

    ``entries`` holds all entries from index ``first`` to before ``next``; ``end`` is set when no
    more will come. ``windows`` determines how many bytes to keep. ``is_file`` is true for a file.
    """

    def __init__(
        self,
        source: OutputSource,
        table: Table,
        jobid: int,
        base: int = 0,
        windows: Windows | None = None,
    ) -> None:
        self.source = source
        self.jobid = jobid
        self.key: Key = (jobid, 0, "", True)
        self.entries: list[Entry] = []
        self.first = base
        self.next = base
        self.end: End | None = None
        self.windows = windows or Windows()
        self.viewers = 0
        self.is_file = bool(base)
        self.is_past = False
        """True if the source is the history."""
        self._table = table
        self._size = 0
        self._caught_up = False
        self._has_output = False
        self._changed = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start reading."""
        self.task = asyncio.create_task(self._run(), name=f"output {encode_f58(self.jobid)}")

    @property
    def caught_up(self) -> int:
        """Return the smallest index at which a viewer is near enough to join the window."""
        near = len(self.entries) // _NEAR_PARTS
        return self.entries[-near].index if near else self.next

    def after(self, position: int) -> list[Entry]:
        """Return a piece of the entries from index ``position`` on, which is in the window."""
        found: list[Entry] = []
        size = 0
        begin = bisect_left(self.entries, position, key=_index)
        for entry in islice(self.entries, begin, None):
            # An entry of a file may begin before a position that another reader has reached.
            found.append(entry if found else since(entry, position))
            size += len(entry.body)
            if size >= PIECE_BYTES:
                break
        return found

    @property
    def news(self) -> asyncio.Event:
        """Return the event that is set when there are more entries, or the end."""
        return self._changed

    async def changed(self) -> None:
        """Return when there are more entries, or the end."""
        await self._changed.wait()

    async def begun(self) -> None:
        """Return when the window holds the output up to the time of the start, or it has ended."""
        while not self._caught_up and self.end is None:
            await self._changed.wait()

    def tail(self, count: int, stream: str | None) -> int | None:
        """Return the index of the ``count``-th entry from the end that has data of ``stream``.

        Returns 0 when there are fewer, ``None`` when the window does not contain it.
        """
        if self.is_file:
            # The entries of a file are not lines.
            return None
        position = self.next
        for entry in reversed(self.entries):
            if not count:
                return position
            if entry.has_data and entry.is_of(stream):
                count -= 1
                position = entry.index
        if not count:
            return position
        return None if self.first else 0

    async def _run(self) -> None:
        try:
            self.end = await self._read()
        except Exception as error:  # noqa: BLE001 - it is reported to the viewers
            self.end = end_of(error, self.jobid)
        self._wake()

    async def _read(self) -> End:
        # All viewers of the output share it, not only the first client.
        work_for("")
        turn = TimeSlice()
        last = Last(_MAX_ENTRIES, size=WINDOW_BYTES)
        reading = self.source.output(self.jobid, follow=True, last=last)
        async with aclosing(reading) as batches:  # type: ignore[type-var] # an async generator
            async for batch in batches:
                if not self._has_output:
                    self.first = self.next = _begin_of(batch)
                self._has_output = self._has_output or bool(batch.events)
                for piece in pieces(batch.first, batch.events):
                    self._take(piece)
                    await turn.share()
                self.next = batch.next
                if not batch.events:
                    self._caught_up = True
                    self._wake()
        if self._table.get(self.jobid) is None and not self.is_past:
            return End("purged")
        return End("finished" if self._has_output else "no-output")

    def _take(self, piece: list[Entry]) -> None:
        self.entries += piece
        self.next = piece[-1].index + 1
        self._size += sum(len(entry.body) + _ENTRY_OVERHEAD_BYTES for entry in piece)
        excess = max(len(self.entries) - _MAX_ENTRIES, 0)
        held = self._size - sum(len(e.body) + _ENTRY_OVERHEAD_BYTES for e in self.entries[:excess])
        # The newest entry stays, however large it is.
        limit = self.windows.limit
        while held > limit and excess < len(self.entries) - 1:
            held -= len(self.entries[excess].body) + _ENTRY_OVERHEAD_BYTES
            excess += 1
        if excess:
            self.first = self.entries[excess - 1].index + 1
        self._size = held
        del self.entries[:excess]
        self._wake()

    def _wake(self) -> None:
        news, self._changed = self._changed, asyncio.Event()
        news.set()


def _begin_of(batch: OutputBatch) -> int:
    """Return the first position that a batch covers."""
    size = file_bytes(batch.events[0]) if batch.events and source_of(batch.first) else 0
    return batch.first - max(size - 1, 0)


def _index(entry: Entry) -> int:
    return entry.index

"""One reader of one source of output: a client of the window that a watch holds."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import aclosing

import msgspec

from fluxapi.contracts.rights import Right
from fluxapi.events.transport.stream_writer import StreamWriter
from fluxapi.events.transport.wire import Wire
from fluxapi.instance.protocol import Last, OutputBatch
from fluxapi.model.output import MAX_SEARCH_BYTES
from fluxapi.process.admission import AdmissionLimiter
from fluxapi.process.timeslice import TimeSlice

from .entries import PIECE_BYTES, Entry, pieces
from .tails import TailReader
from .watch import End, Watch, end_of

__all__ = ["FILES_RIGHT", "Selection", "Viewer"]

FILES_RIGHT: Right = "submit"
"""The right to read the files that receive output; a client that may run programs as the owner of
the instance can read the owner's files anyway."""

_PROGRESS_INTERVAL_S = 1.0
"""Time without output in a search after which its progress is reported to the client."""


class Selection(msgspec.Struct, frozen=True):
    """The part of the output that a client gets.

    ``stream``: only this stream (``None``: all); ``tail``: the last *tail* entries with data, and
    all new ones; without it, everything from index ``first`` of the output eventlog on, and of each
    file from the index in ``starts`` that is one of this file. ``files``: the client may read the
    files that receive output; otherwise it gets only their names.
    """

    stream: str | None = None
    tail: int | None = None
    first: int = 0
    starts: tuple[int, ...] = ()
    files: bool = False


class Viewer:
    """One reader of the source that *watch* reads, from index *first* on.

    ``tails`` reads the tail, which waits for the client. ``mark`` is called with the index of each
    entry that is written, and returns the ID of its message, which may be empty. ``resumed`` limits
    the viewers that go on in one pass of the event loop: new output wakes all of them.
    """

    def __init__(
        self,
        watch: Watch,
        selection: Selection,
        first: int,
        writer: StreamWriter,
        wire: Wire,
        *,
        tails: TailReader,
        mark: Callable[[int], bytes],
        resumed: AdmissionLimiter,
    ) -> None:
        self.watch = watch
        self._selection = selection
        self._position = first
        self._writer = writer
        self._wire = wire
        self._tails = tails
        self._turn = TimeSlice()
        self._resumed = resumed
        self._mark: Callable[[int], bytes] | None = mark

    def stop(self) -> None:
        """Write nothing more."""
        self._mark = None

    async def run(self) -> End:
        """Write all output; raises ``ConnectionResetError`` when the client is gone."""
        try:
            if self._selection.tail is not None:
                self._position = await self._tail(self._selection.tail)
            return await self._follow()
        except ConnectionResetError:
            raise
        except Exception as error:  # noqa: BLE001 - it is reported to the client
            return end_of(error, self.watch.jobid)

    async def _follow(self) -> End:
        watch = self.watch
        while True:
            await self._drained()
            if self._position < watch.first:
                if not await self._catch_up():
                    return End("purged")
            elif entries := watch.after(self._position):
                await self._write(entries)
                await self._turn.share()
            elif watch.end is not None:
                return watch.end
            else:
                await watch.changed()
                await self._resumed.take()

    async def _catch_up(self) -> bool:
        """Read the instance until the window holds the next entry; return whether it does."""
        reading = self.watch.source.output(self.watch.jobid, follow=True, first=self._position)
        async with aclosing(self._tails.counted(reading)) as batches:
            async for batch in batches:
                await self._write_all(batch)
                if self._position >= self.watch.caught_up:
                    return True
        return self._position >= self.watch.first

    async def _tail(self, count: int) -> int:
        """Write the last *count* data entries and return the index to resume from.

        The window of the watch gives the index, or the instance is asked for the entries.
        """
        stream = self._selection.stream
        await self.watch.begun()
        known = self.watch.tail(count, stream)
        if known is not None:
            return known
        last = Last(count, stream)
        reading = self.watch.source.output(self.watch.jobid, last=last)
        if not self.watch.is_file:
            # A tail of a file is read as it is written, one of an eventlog backward.
            reading = self._tails.read(reading, _Progress(self._tell).take)
        async with aclosing(reading) as batches:  # type: ignore[type-var] # an async generator
            async for batch in batches:
                await self._write_all(batch)
                if batch.cut:
                    await self._drained()
                    self._tell(batch)
        return self._position

    def _tell(self, batch: OutputBatch) -> None:
        """Write how much a search for a tail has read, and whether it stopped at its limit."""
        if self._writer.paused or self._mark is None:
            return
        limit = MAX_SEARCH_BYTES
        body = msgspec.json.encode({"searched": batch.searched, "limit": limit, "cut": batch.cut})
        frame = self._wire.frame("progress", b"", body[1:])
        if frame:
            self._writer.write(self._wire.join([frame]))

    async def _write_all(self, batch: OutputBatch) -> None:
        for piece in pieces(batch.first, batch.events):
            await self._write(piece)
            await self._turn.share()
        self._position = max(self._position, batch.next)

    async def _drained(self) -> Callable[[int], bytes]:
        """Wait until the socket has drained; return the function that marks entries.

        Raises:
            ConnectionResetError: The client is gone, or the viewer was stopped.
        """
        await self._writer.drained()
        if self._mark is None:
            raise ConnectionResetError("The client reads no more of the output.")
        return self._mark

    async def _write(self, entries: list[Entry]) -> None:
        mark = await self._drained()
        frames: list[bytes] = []
        size = 0
        for entry in entries:
            if entry.body and entry.is_of(self._selection.stream):
                frames.append(self._wire.frame("output", mark(entry.index), entry.body))
                size += len(frames[-1])
            self._position = entry.index + 1
            if size >= PIECE_BYTES:
                # A short entry may stand for many bytes.
                self._writer.write(self._wire.join(frames))
                frames, size = [], 0
                await self._turn.share()
                mark = await self._drained()
        if frames:
            self._writer.write(self._wire.join(frames))


class _Progress:
    """Reports the progress of a search now and then."""

    def __init__(self, tell: Callable[[OutputBatch], None]) -> None:
        self._tell = tell
        self._told = time.monotonic()

    def take(self, batch: OutputBatch) -> None:
        now = time.monotonic()
        if now - self._told >= _PROGRESS_INTERVAL_S:
            self._told = now
            self._tell(batch)

"""The live output of jobs: one watch per job for all its viewers.

The position of a viewer is an index in the output eventlog. Within the window of the watch,
viewers share entries. A viewer of older entries, or a slow one, reads the instance on its own, no
faster than its client, until it has caught up. So nothing is lost, memory is bounded, and no viewer
delays another.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing
from typing import Protocol

import msgspec

from fluxapi.errors import JobNotFound
from fluxapi.events.transport.stream_writer import StreamWriter
from fluxapi.events.transport.wire import ServerSentEvents, Wire
from fluxapi.instance.protocol import JobRecords, Last, OutputBatch
from fluxapi.model import jobid
from fluxapi.table.table import Table

from .entries import Entry, pieces
from .watch import WINDOW_BYTES, End, Watch, end_of

__all__ = ["OnEnd", "OutputHub", "Selection"]

_MAX_WINDOWS_BYTES = 64 << 20
"""Approximate limit of the memory of all windows together."""

_MIN_WINDOW_BYTES = 64 << 10
"""Memory that each window may use, however many there are."""

_PROGRESS_INTERVAL_S = 1.0
"""Time without output in a search after which the client is told of its progress."""

_HEARTBEAT = b": \n\n"
"""A comment in a stream of Server-Sent Events."""


class Selection(msgspec.Struct, frozen=True):
    """The part of the output that a viewer gets.

    ``stream``: only this stream (``None``: all); ``tail``: the last *tail* entries with data, and
    all new ones; without it, everything from index ``first`` on.
    """

    stream: str | None = None
    tail: int | None = None
    first: int = 0


class OnEnd(Protocol):
    """A callback that is called once, at the end of a viewer."""

    def __call__(self, reason: str, detail: str = "") -> None:
        """Handle the end: ``reason`` is a key of ``ENDS``; ``detail`` replaces its sentence."""


class OutputHub:
    """All viewers of output, and the watches that they share."""

    def __init__(self, instance: JobRecords, table: Table) -> None:
        self.writers: dict[StreamWriter, list[_Viewer]] = {}
        self._instance = instance
        self._table = table
        self._watches: dict[int, Watch] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def find(self, text: str) -> int:
        """Return the ID of a job in the table from any RFC 19 form; raises ``JobNotFound``."""
        try:
            found = jobid.parse(text)
        except ValueError as error:
            raise JobNotFound(f"{text[:64]!r} {error}.") from None
        if self._table.get(found) is None:
            raise JobNotFound(f"There is no job {text[:64]}.")
        return found

    def view(
        self, jobid: int, selection: Selection, writer: StreamWriter, wire: Wire, on_end: OnEnd
    ) -> Callable[[], None]:
        """Write the output of a job until its end; return a function that stops it."""
        watch = self._join(jobid)
        viewer = _Viewer(self._instance, watch, selection, writer, wire, on_end=on_end)
        self.writers.setdefault(writer, []).append(viewer)
        viewer.task = asyncio.create_task(self._serve(viewer), name="viewer")
        return lambda: self._stop(viewer)

    def end(self, writer: StreamWriter, reason: str) -> None:
        """End all viewers of a connection."""
        for viewer in list(self.writers.get(writer, ())):
            viewer.on_end(reason)

    def beat(self) -> None:
        """Write a heartbeat to each viewer, so that proxies keep the connection open."""
        for viewers in self.writers.values():
            for viewer in viewers:
                viewer.beat()

    async def aclose(self) -> None:
        """Stop all viewers."""
        for viewers in list(self.writers.values()):
            for viewer in list(viewers):
                self._stop(viewer)
        await asyncio.gather(*self._ending, return_exceptions=True)

    async def _serve(self, viewer: _Viewer) -> None:
        try:
            end = await viewer.run()
        except ConnectionResetError:
            self._leave(viewer)
        else:
            self._leave(viewer)
            viewer.on_end(end.reason, end.detail)

    def _stop(self, viewer: _Viewer) -> None:
        if self._leave(viewer):
            self._cancel(viewer.task)

    def _join(self, jobid: int) -> Watch:
        watch = self._watches.get(jobid)
        if watch is None or (watch.end is not None and watch.end.reason != "finished"):
            # A watch that failed for others may succeed now.
            watch = self._watches[jobid] = Watch(self._instance, self._table, jobid)
            watch.start()
            self._share()
        watch.viewers += 1
        return watch

    def _leave(self, viewer: _Viewer) -> bool:
        """Remove a viewer, and its watch with the last one; return whether it was there."""
        held = self.writers.get(viewer.writer, [])
        if viewer not in held:
            return False
        held.remove(viewer)
        if not held:
            del self.writers[viewer.writer]
        watch = viewer.watch
        watch.viewers -= 1
        if not watch.viewers:
            self._cancel(watch.task)
            if self._watches.get(watch.jobid) is watch:
                del self._watches[watch.jobid]
                self._share()
        return True

    def _share(self) -> None:
        share = _MAX_WINDOWS_BYTES // max(len(self._watches), 1)
        limit = max(_MIN_WINDOW_BYTES, min(WINDOW_BYTES, share))
        for watch in self._watches.values():
            watch.limit = limit

    def _cancel(self, task: asyncio.Task[None] | None) -> None:
        if task is not None and not task.done():
            task.cancel()
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)


class _Viewer:
    """One viewer of the output of a job."""

    def __init__(
        self,
        instance: JobRecords,
        watch: Watch,
        selection: Selection,
        writer: StreamWriter,
        wire: Wire,
        *,
        on_end: OnEnd,
    ) -> None:
        self.watch = watch
        self.writer = writer
        self.on_end = on_end
        self.task: asyncio.Task[None] | None = None
        self._instance = instance
        self._selection = selection
        self.wire = wire
        self._has_ids = isinstance(wire, ServerSentEvents)
        self._position = selection.first

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

    def beat(self) -> None:
        """Write a heartbeat, if the wire has one."""
        if self._has_ids and not self.writer.paused:
            self.writer.write(self.wire.join([_HEARTBEAT]))

    async def _follow(self) -> End:
        watch = self.watch
        while True:
            await self.writer.drained()
            if self._position < watch.first:
                if not await self._catch_up():
                    return End("purged")
            elif entries := watch.after(self._position):
                self._write(entries)
                await asyncio.sleep(0)
            elif watch.end is not None:
                return watch.end
            else:
                await watch.changed()

    async def _catch_up(self) -> bool:
        """Read the instance until the window holds the next entry; return whether it does."""
        reading = self._instance.output(self.watch.jobid, follow=True, first=self._position)
        async with aclosing(reading) as batches:  # type: ignore[type-var] # an async generator
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
        told = time.monotonic()
        reading = self._instance.output(self.watch.jobid, last=last)
        async with aclosing(reading) as batches:  # type: ignore[type-var] # an async generator
            async for batch in batches:
                await self._write_all(batch)
                now = time.monotonic()
                if batch.cut or (batch.searched and now - told >= _PROGRESS_INTERVAL_S):
                    told = now
                    await self.writer.drained()
                    self._tell_progress(batch, last)
        return self._position

    def _tell_progress(self, batch: OutputBatch, last: Last) -> None:
        """Write how much a search for a tail has read, and whether it stopped at its limit."""
        body = msgspec.json.encode(
            {"searched": batch.searched, "limit": last.search, "cut": batch.cut}
        )[1:]
        frame = self.wire.frame("progress", b"", body)
        if frame:
            self.writer.write(self.wire.join([frame]))

    async def _write_all(self, batch: OutputBatch) -> None:
        for piece in pieces(batch.first, batch.events):
            await self.writer.drained()
            self._write(piece)
            await asyncio.sleep(0)
        self._position = max(self._position, batch.next)

    def _write(self, entries: list[Entry]) -> None:
        frames = [
            self.wire.frame("output", b"%d" % entry.index if self._has_ids else b"", entry.body)
            for entry in entries
            if entry.body and entry.is_of(self._selection.stream)
        ]
        if frames:
            self.writer.write(self.wire.join(frames))
        self._position = entries[-1].index + 1

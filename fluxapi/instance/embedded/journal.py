"""The journal: sends posted messages in order to any number of streams, after the backlog.

With a store, events are published only after the commit that stores them, and none are published
while the store cannot be written. A stream keeps the unread messages of its reader, so its memory
depends only on the number of unread events.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

from fluxapi.errors import InstanceUnavailable
from fluxapi.instance.protocol import ChangeBatch
from fluxapi.model.eventlog import UNINDEXED, JournalMessage, Purged, Resync
from fluxapi.model.jobid import JOBID_ANY
from fluxapi.process.background import Worker
from fluxapi.process.timeslice import TimeSlice

from .job import Ended, Job, log_unreadable

__all__ = ["Journal", "Posted", "Stream"]

_BACKLOG_BATCH = 64
"""Jobs decoded for one batch of the backlog: a few milliseconds."""

_BACKLOG_BYTES = 256 << 10
"""Bytes of their jobspecs and eventlogs after which a batch ends; the values in them take ten times
as much.
"""

RETRY_INTERVAL_S = 1.0
"""Seconds between two attempts to write to a failing store."""

Posted = tuple[Job | None, JournalMessage | Purged]
_Queued = tuple[Job | None, JournalMessage | Purged | Callable[[], None]]


class Stream:
    """One reader: the jobs of its remaining backlog (``ahead``) and the live messages."""

    def __init__(self, ahead: dict[int, None]) -> None:
        self.ahead = ahead
        self._ready: ChangeBatch = []
        self._closed = False
        self._waiter: asyncio.Future[None] | None = None

    def put(self, message: JournalMessage | Purged) -> None:
        """Add a live message, unless its job is in the remaining backlog."""
        if isinstance(message, JournalMessage) and message.id in self.ahead:
            return
        self._ready.append(message)
        self._wake()

    def close(self) -> None:
        """End the stream with the instance."""
        self._closed = True
        self._wake()

    async def take(self) -> ChangeBatch:
        """Return the messages since the last call; raise ``InstanceUnavailable`` after the end."""
        while not self._ready:
            if self._closed:
                raise InstanceUnavailable("The embedded instance has ended.")
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        batch, self._ready = self._ready, []
        return batch

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Journal:
    """A journal that stores posted messages and then publishes them.

    ``persist``, if given, is awaited before messages are published, and repeated until it returns
    true; it must not raise. ``published`` is called for each published message.
    """

    def __init__(self) -> None:
        self.persist: Callable[[], Awaitable[bool]] | None = None
        self.published: Callable[[Posted], None] = _ignore
        self._loop = asyncio.get_running_loop()
        self._queue: list[_Queued] = []
        self._scheduled = False
        self._touched = False
        self._closed = False
        self._pump = Worker("embedded journal", self._run)
        self._settled: list[asyncio.Future[None]] = []
        self._streams: set[Stream] = set()

    def post(self, job: Job | None, message: JournalMessage | Purged) -> None:
        """Add a message; it is published in this pass of the loop or after the next commit."""
        if not self._closed and not (job is not None and job.withdrawn):
            self._queue.append((job, message))
            self._schedule()

    def touch(self) -> None:
        """Schedule a commit without a message to publish."""
        if not self._closed:
            self._touched = True
            self._schedule()

    def then(self, action: Callable[[], None]) -> None:
        """Call *action* once all earlier messages are stored; at once without a store."""
        if self.persist is None:
            action()
        elif not self._closed:
            self._queue.append((None, action))
            self._schedule()

    async def settled(self) -> None:
        """Wait until all earlier messages are stored and published, or cannot be stored."""
        if not self._scheduled and not self._pump.is_running:
            return
        waiter = self._loop.create_future()
        self._settled.append(waiter)
        await waiter

    async def read(
        self, active: dict[int, Job], inactive: dict[int, Ended]
    ) -> AsyncIterator[ChangeBatch]:
        """Yield the backlog, the sentinel, then published messages."""
        stream = Stream(dict.fromkeys([*inactive, *active]))
        self._streams.add(stream)
        try:
            yield [Resync(len(active) + len(inactive))]
            for batch in _backlog(stream, active, inactive):
                yield batch
                # The reader itself may never yield to the event loop.
                await asyncio.sleep(0)
            yield [JournalMessage(JOBID_ANY, [])]
            while True:
                yield await stream.take()
        finally:
            self._streams.discard(stream)

    async def aclose(self) -> None:
        """End all streams; later messages are neither published nor stored."""
        self._closed = True
        await self._pump.aclose()
        for stream in self._streams:
            stream.close()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        if self.persist is None:
            self._scheduled = False
            queue, self._queue = deque(self._queue), []
            while queue:
                self._publish(*queue.popleft())
            self._wake()
        else:
            self._pump.start()

    async def _run(self) -> None:
        persist = self.persist
        assert persist is not None  # noqa: S101 - it is started with a store only
        while self._queue or self._touched:
            self._touched = False
            queue, self._queue = deque(self._queue), []
            settled, self._settled = self._settled, []
            try:
                while not await persist():
                    # The waiting callers find their jobs withdrawn.
                    self._wake(settled)
                    self._wake()
                    await asyncio.sleep(RETRY_INTERVAL_S)
                turn = TimeSlice()
                while queue:
                    self._publish(*queue.popleft())
                    # Thousands may have gathered while the disk was slow.
                    await turn.share()
            finally:
                # If a message fails, those after it follow when the task starts again.
                self._queue = [*queue, *self._queue]
                self._wake(settled)
        self._scheduled = False
        self._wake()

    def _publish(
        self, job: Job | None, message: JournalMessage | Purged | Callable[[], None]
    ) -> None:
        if callable(message):
            message()
            return
        if job is not None and job.withdrawn:
            return
        if job is not None and isinstance(message, JournalMessage):
            job.published += sum(event.name not in UNINDEXED for event in message.events)
        for stream in self._streams:
            stream.put(message)
        self.published((job, message))

    def _wake(self, waiters: list[asyncio.Future[None]] | None = None) -> None:
        if waiters is None:
            waiters, self._settled = self._settled, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)


def _ignore(_: Posted) -> None:
    return


def _backlog(
    stream: Stream, active: dict[int, Job], inactive: dict[int, Ended]
) -> Iterator[ChangeBatch]:
    """Yield messages for the existing jobs, with their published events."""
    while stream.ahead:
        batch: ChangeBatch = []
        size = 0
        while stream.ahead and len(batch) < _BACKLOG_BATCH and size < _BACKLOG_BYTES:
            jobid = next(iter(stream.ahead))
            del stream.ahead[jobid]
            if (ended := inactive.get(jobid)) is not None:
                size += len(ended.jobspec) + len(ended.eventlog)
                try:
                    batch.append(ended.message())
                except Exception as error:  # noqa: BLE001 - no stored job may stop the others
                    log_unreadable(jobid, error)
                    del inactive[jobid]
            elif (job := active.get(jobid)) is not None and job.published:
                size += len(job.jobspec)
                batch.append(job.message(job.published))
        if batch:
            yield batch

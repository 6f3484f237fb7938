"""The events of a job so far, which the streams of one job begin with.

An eventlog may have megabytes, and hundreds of clients may ask for it and read slowly. The encoded
events are shared by all streams that have not sent them yet, and written piece by piece.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from weakref import WeakValueDictionary

from fluxapi.events.transport.wire import Wire
from fluxapi.model.eventlog import UNINDEXED, Event
from fluxapi.process.timeslice import TimeSlice, check_client

from .buffer import encode_body, identity
from .views import PIECE_BYTES

__all__ = ["HistorySender", "JobHistories", "JobHistory"]

_MAX_READS = 8
"""Eventlogs that are read and encoded at the same time."""

_MAX_BYTES = 64 << 20
"""Bytes of all histories that are not sent yet, beyond which the oldest streams give way."""

_PATIENCE_S = 1.0
"""Time that a stream has in any case to send its history."""


class JobHistory:
    """The events of one job as bodies of messages (see :mod:`fluxapi.events.buffer`).

    Attributes:
        bodies: The bodies, in order.
        indexed: The number of events that have an index.
        unindexed: The identities of the others.
        size: The bytes of all bodies.
    """

    __slots__ = ("__weakref__", "bodies", "indexed", "size", "unindexed")

    def __init__(self, bodies: list[bytes], unindexed: frozenset[bytes], indexed: int) -> None:
        self.bodies = bodies
        self.unindexed = unindexed
        self.indexed = indexed
        self.size = sum(map(len, bodies))

    def pieces(self, wire: Wire) -> Iterator[bytes]:
        """Yield the events in writes of limited size."""
        frames: list[bytes] = []
        size = 0
        for body in self.bodies:
            frames.append(wire.frame("event", b"", body))
            size += len(body)
            if size >= PIECE_BYTES:
                yield wire.join(frames)
                frames.clear()
                size = 0
        if frames:
            yield wire.join(frames)


class HistorySender:
    """The writes of a history to one client, as an iterator; the memory is free at its end.

    Attributes:
        history: The history, or ``None`` at the end.
        since: The time at which it began.
        give_way: Called if others need the memory.
    """

    __slots__ = ("_on_end", "_pieces", "give_way", "history", "since")

    def __init__(
        self,
        history: JobHistory,
        wire: Wire,
        give_way: Callable[[], None],
        on_end: Callable[[HistorySender], None],
    ) -> None:
        self.history: JobHistory | None = history
        self.since = time.monotonic()
        self.give_way = give_way
        self._pieces = history.pieces(wire)
        self._on_end = on_end

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._pieces)
        except StopIteration:
            self.close()
            raise

    def close(self) -> None:
        """Free the memory; calling this again has no effect."""
        self.history = None
        self._pieces = iter(())
        self._on_end(self)


class JobHistories:
    """The histories of the jobs of one instance that streams have not sent yet."""

    def __init__(self, max_bytes: int = _MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._turns = asyncio.Semaphore(_MAX_READS)
        self._latest: WeakValueDictionary[int, JobHistory] = WeakValueDictionary()
        self._senders: dict[HistorySender, None] = {}

    async def read(
        self, jobid: int, eventlog: Callable[[int], Awaitable[list[Event]]]
    ) -> JobHistory:
        """Return the history of a job, whose events *eventlog* returns.

        It shares the bodies of the last one of the same job that is not sent yet: an eventlog only
        grows.
        """
        async with self._turns:
            check_client()
            # The decoded events take several times the memory of the bodies.
            return await self._encoded(jobid, await eventlog(jobid))

    async def _encoded(self, jobid: int, events: list[Event]) -> JobHistory:
        latest = self._latest.get(jobid)
        known = [] if latest is None else latest.bodies
        bodies: list[bytes] = []
        unindexed: set[bytes] = set()
        indexed = shared = 0
        turn = TimeSlice()
        for place, event in enumerate(events):
            await turn.share()
            has_index = event.name not in UNINDEXED
            body = encode_body(jobid, indexed if has_index else None, event)
            if has_index:
                indexed += 1
            else:
                unindexed.add(identity(body))
            if place < len(known) and known[place] == body:
                body = known[place]
                shared += 1
            bodies.append(body)
        if latest is not None and shared == len(bodies) == len(known):
            return latest
        history = self._latest[jobid] = JobHistory(bodies, frozenset(unindexed), indexed)
        return history

    def send(self, history: JobHistory, wire: Wire, give_way: Callable[[], None]) -> HistorySender:
        """Return the writes of a history; *give_way* is called if others need its memory."""
        sender = HistorySender(history, wire, give_way, self._end)
        self._senders[sender] = None
        self._make_room()
        return sender

    def _end(self, sender: HistorySender) -> None:
        self._senders.pop(sender, None)

    def _make_room(self) -> None:
        """End the oldest streams until the histories of the others fit."""
        now = time.monotonic()
        for sender in list(self._senders):
            if now - sender.since < _PATIENCE_S or self._held() <= self._max_bytes:
                return
            sender.close()
            sender.give_way()

    def _held(self) -> int:
        found = {sender.history for sender in self._senders}
        return sum(history.size for history in found if history is not None)

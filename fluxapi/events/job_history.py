"""The events of a job so far, which the streams of one job begin with.

An eventlog may have megabytes, and hundreds of clients may ask for it and read slowly. The encoded
events are shared by all streams that have not sent them yet, and written piece by piece.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from weakref import WeakValueDictionary

from fluxapi.events.output.scan_turns import ScanTurns
from fluxapi.events.transport.stream_writer import StreamWriter
from fluxapi.events.transport.wire import Wire
from fluxapi.model.eventlog import UNINDEXED, Event
from fluxapi.process.kept_bytes import Kept, KeptBytes
from fluxapi.process.timeslice import TimeSlice, check_client

from .buffer import encode_body, identity
from .views import PIECE_BYTES

__all__ = ["HistorySender", "JobHistories", "JobHistory"]

_MAX_READS, _MAX_OF_CLIENT = 8, 4
"""Eventlogs that are read and encoded at the same time, and those for one client among them."""

_MAX_BYTES = 64 << 20
"""Bytes of all histories that are not sent yet, beyond which slow readers give way."""


class JobHistory:
    """The events of one job as bodies of messages (see :mod:`fluxapi.events.buffer`).

    Attributes:
        bodies: The bodies, in order.
        indexed: The number of events that have an index.
        unindexed: The identities of the others.
        kept: The bytes of all bodies, and who has not received them.
    """

    __slots__ = ("__weakref__", "bodies", "indexed", "kept", "unindexed")

    def __init__(self, bodies: list[bytes], unindexed: frozenset[bytes], indexed: int) -> None:
        self.bodies = bodies
        self.unindexed = unindexed
        self.indexed = indexed
        self.kept = Kept(sum(map(len, bodies)))

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
        client: The name of the client, as limits know it.
    """

    __slots__ = ("_give_way", "_held", "_history", "_left", "_pieces", "_writer", "client")

    def __init__(
        self,
        history: JobHistory,
        writer: StreamWriter,
        wire: Wire,
        give_way: Callable[[], None],
        held: KeptBytes,
    ) -> None:
        self.client = writer.client
        self._writer = writer
        self._history: JobHistory | None = history
        self._left = history.kept.size
        self._give_way = give_way
        self._pieces = history.pieces(wire)
        self._held = held
        held.add(history.kept, self)

    @property
    def unsent_bytes(self) -> int:
        """Return the bytes that the system has not accepted."""
        return self._left + self._writer.unsent

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            piece = next(self._pieces)
        except StopIteration:
            self.close()
            raise
        self._left -= len(piece)
        return piece

    def close(self) -> None:
        """Free the memory; calling this again has no effect."""
        history, self._history = self._history, None
        self._pieces = iter(())
        if history is not None:
            self._held.leave(history.kept, self)

    def drop(self) -> None:
        """Free the memory, and end the stream, since others need the memory."""
        self.close()
        self._give_way()


class JobHistories:
    """The histories of the jobs of one instance that streams have not sent yet.

    Attributes:
        kept: Their bytes; beyond the limit, slow readers give way.
    """

    def __init__(self, max_bytes: int = _MAX_BYTES) -> None:
        self.kept = KeptBytes(max_bytes)
        self._turns = ScanTurns(_MAX_READS, _MAX_OF_CLIENT)
        self._latest: WeakValueDictionary[int, JobHistory] = WeakValueDictionary()

    async def read(
        self, jobid: int, eventlog: Callable[[int], Awaitable[list[Event]]], client: str
    ) -> JobHistory:
        """Return the history of a job, whose events *eventlog* returns.

        It shares the bodies of the last one of the same job that is not sent yet: an eventlog only
        grows. Few are read at the same time, those for *client* are fewer, and clients take turns.
        """
        # A request to Flux has a time limit.
        async with self._turns.hold(client, _nothing):
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

    def send(
        self,
        history: JobHistory,
        writer: StreamWriter,
        wire: Wire,
        give_way: Callable[[], None],
    ) -> HistorySender:
        """Return the writes of a history; *give_way* is called if others need its memory."""
        return HistorySender(history, writer, wire, give_way, self.kept)


def _nothing() -> None:
    pass

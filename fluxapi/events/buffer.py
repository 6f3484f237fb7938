"""The bounded history of published events, each encoded once, found by its sequence number.

Plain synchronous code. Sequence numbers (``seq``) grow by one per entry; the times of entries never
decrease.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache
from typing import Any, Literal

import msgspec

from fluxapi.model.eventlog import MAX_EVENT_BYTES, Event
from fluxapi.model.jobid import encode_f58
from fluxapi.table.backlog import CLOCK_TOLERANCE_S
from fluxapi.table.index import Facets

from .cursor import Cursor, parse

__all__ = [
    "RESETS",
    "CursorError",
    "Entry",
    "EventBuffer",
    "encode_body",
    "identity",
    "name_of",
]

_MAX_EXCESS_ENTRIES = 4096
"""Entries above the limit at which the oldest are removed, since each removal copies the list."""

_ENTRY_OVERHEAD_BYTES = 512
"""Upper bound of the memory that an entry takes besides its JSON."""

_OVERLAP_MS = int(CLOCK_TOLERANCE_S * 1000)
"""Events this long before the time of another process's cursor are sent again."""

RESETS = {
    "unknown": "The cursor is not valid for this service.",
    "instance": "The cursor belongs to another Flux instance.",
    "epoch": "The service has restarted since this cursor.",
    "future": "The cursor is ahead of the newest event.",
    "expired": "The cursor is older than the oldest event that the service keeps.",
    "clock": "The clock of the instance has stepped back since this cursor.",
    "overflow": "The client was too slow; the service no longer keeps the next event.",
}
"""The reasons for which a client cannot resume, with their sentences."""


class Entry(msgspec.Struct, gc=False):
    """One published event.

    ``kind`` is ``event``; ``gone`` when the job was removed; ``row`` when only its row changed.
    ``index`` is the index in the eventlog, ``None`` for an event outside of it. ``facets`` are
    those of the job after the event. ``body`` is the JSON object without its opening brace.
    """

    seq: int
    id: int
    kind: str
    name: str
    index: int | None
    facets: Facets
    time: int
    cursor: bytes
    body: bytes


class _Body(msgspec.Struct, gc=False, omit_defaults=True):
    id: str
    index: int | msgspec.UnsetType
    name: str
    timestamp: float
    context: dict[str, Any] | None = None
    truncated: bool = False


class CursorError(Exception):
    """A cursor that cannot be resolved; ``reason`` is sent to the client.

    ``unknown``: not a cursor of this service; ``instance``: of another Flux instance; ``epoch``:
    of another process, and rows cannot be replayed across processes; ``future``: ahead of the
    newest event; ``expired``: older than the buffer; ``clock``: of another process, and the clock
    has stepped back since; ``overflow``: the client was too slow.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


_encoder = msgspec.json.Encoder()
name_of = lru_cache(maxsize=65536)(encode_f58)
"""Return the F58 form of a job ID. A job has about ten events, close together, so the result is
cached."""


def encode_body(jobid: int, index: int | None, event: Event) -> bytes:
    """Return an event with its identity as JSON, without the opening brace.

    A context that is too large, or nested too deep to encode, is left out, and the event is marked
    as truncated.
    """
    place = msgspec.UNSET if index is None else index
    body = _Body(name_of(jobid), place, event.name, event.timestamp, event.context, event.truncated)
    try:
        encoded = _encoder.encode(body)
    except RecursionError:
        encoded = None
    if encoded is None or len(encoded) > MAX_EVENT_BYTES:
        body.context, body.truncated = None, True
        encoded = _encoder.encode(body)
    return encoded[1:]


def identity(body: bytes) -> bytes:
    """Return the part of a body that identifies an event without index: all up to the context."""
    return body.partition(b',"context":')[0].rstrip(b"}")


class EventBuffer:
    """The newest entries, at most ``max_events`` of them and ``max_bytes`` bytes."""

    def __init__(self, epoch: str, *, max_events: int = 65_536, max_bytes: int = 64 << 20) -> None:
        self.epoch = epoch
        self.entries: list[Entry] = []
        self.head = 0
        """The sequence number of the newest entry."""
        self.floor = 0
        """The lowest sequence number after which the buffer is complete."""
        self.time = 0
        """The newest time, in milliseconds since the epoch."""
        self.whole_since = 0
        """The buffer has every later event that the instance still has; 0: it has all events."""
        self.stepped = False
        """True if the clock of the instance has stepped back within the buffered past."""
        self._clock = 0
        """The time in a cursor that is made now; it steps back with the clock of the instance."""
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._slack = min(_MAX_EXCESS_ENTRIES, max_events // 8)
        self._bytes = 0
        self._prefix = f"{epoch}.".encode()

    def post(self, jobid: int, index: int | None, event: Event, facets: Facets) -> Entry:
        """Publish an event of a job."""
        time = int(event.timestamp * 1000)
        self._clock = time if time < self._clock - _OVERLAP_MS else max(self._clock, time)
        # Entry times must not decrease, since they are searched by bisection.
        self.time = max(self.time, time)
        self.head += 1
        body = encode_body(jobid, index, event)
        return self._append(
            Entry(
                self.head, jobid, "event", event.name, index, facets, self.time, self.cursor, body
            )
        )

    def note(self, jobid: int, kind: Literal["gone", "row"], facets: Facets) -> Entry:
        """Publish that a job was removed, or that its row changed without an event."""
        self.head += 1
        body = b'"id":"%b"}' % name_of(jobid).encode()
        return self._append(
            Entry(self.head, jobid, kind, "", None, facets, self.time, self.cursor, body)
        )

    def _append(self, entry: Entry) -> Entry:
        self.entries.append(entry)
        self._bytes += len(entry.body) + _ENTRY_OVERHEAD_BYTES
        if len(self.entries) > self._max_events + self._slack or self._bytes > self._max_bytes:
            self._shorten()
        return entry

    @property
    def cursor(self) -> bytes:
        """Return the cursor of a client that has received everything."""
        return b"%b%d.%d" % (self._prefix, self.head, self._clock)

    def cursor_at(self, seq: int) -> bytes:
        """Return the cursor of a client that has received everything up to ``seq``."""
        if self.floor < seq <= self.head:
            return self.entries[seq - self.floor - 1].cursor
        # Older than the buffer: this process can resolve it for rows; nothing else can.
        return b"%b%d.0" % (self._prefix, seq)

    def after(self, seq: int, limit: int) -> list[Entry]:
        """Return up to ``limit`` entries after ``seq``; raises ``CursorError`` if some are lost."""
        if seq < self.floor:
            raise CursorError("overflow")
        start = seq - self.floor
        return self.entries[start : start + limit]

    def resolve(self, text: str) -> int:
        """Return the sequence number after which a client with this cursor resumes.

        The cursor may come from another process in front of the same instance. ``0`` stands for the
        beginning of the buffer. Raises ``CursorError``.
        """
        if text == "0":
            return self.floor
        cursor = self._read(text)
        if cursor.process != self.epoch[len(cursor.instance) :]:
            return self._foreign(cursor)
        if cursor.seq < self.floor:
            raise CursorError("expired")
        return cursor.seq

    def resolve_own(self, text: str) -> int:
        """Return the number in a cursor of this process, however old; raises ``CursorError``."""
        cursor = self._read(text)
        if cursor.process != self.epoch[len(cursor.instance) :]:
            raise CursorError("epoch")
        return cursor.seq

    def _read(self, text: str) -> Cursor:
        cursor = parse(text)
        if cursor is None:
            raise CursorError("unknown")
        if cursor.instance != self.epoch[: len(cursor.instance)]:
            raise CursorError("instance")
        if cursor.process == self.epoch[len(cursor.instance) :] and cursor.seq > self.head:
            raise CursorError("future")
        return cursor

    def _foreign(self, cursor: Cursor) -> int:
        """Resolve a cursor of another process for this instance by its time, with some overlap."""
        start = cursor.time - _OVERLAP_MS
        if cursor.time > self.time + _OVERLAP_MS:
            raise CursorError("future")
        # A lost event may have the same time as the newest lost one.
        if self.whole_since and start <= self.whole_since:
            raise CursorError("expired")
        if self.stepped:
            raise CursorError("clock")
        return self.floor + bisect_left(self.entries, start, key=_time)

    def _shorten(self) -> None:
        excess = max(len(self.entries) - self._max_events, 0)
        held = self._bytes - sum(len(e.body) + _ENTRY_OVERHEAD_BYTES for e in self.entries[:excess])
        while held > self._max_bytes * 7 // 8 and excess < len(self.entries):
            held -= len(self.entries[excess].body) + _ENTRY_OVERHEAD_BYTES
            excess += 1
        self._bytes = held
        self.floor += excess
        self.whole_since = self.entries[excess - 1].time
        del self.entries[:excess]


def _time(entry: Entry) -> int:
    return entry.time

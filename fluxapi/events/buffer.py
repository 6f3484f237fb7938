"""The bounded history of what was published: each event encoded once, found by its number.

Plain synchronous code. Numbers (``seq``) are dense and grow by one; entry times never step back.
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

__all__ = ["Entry", "EventBuffer", "Refused", "encode_body", "identity", "name_of"]

_SLACK = 4096
"""Entries beyond the bound before the oldest go, at most: shortening a list costs its length."""

_WEIGHT = 512
"""Bytes that an entry takes besides its JSON, at most."""

_OVERLAP = int(CLOCK_TOLERANCE_S * 1000)
"""Milliseconds before the time of another process's cursor from which events are sent again."""


class Entry(msgspec.Struct, gc=False):
    """One published event.

    ``kind`` is ``event``; ``gone`` when the job was removed; ``row`` when only its row changed.
    ``index`` is that in the eventlog, if it is in one. ``facets`` are the job's after it. ``body``
    is the JSON object without its opening brace.
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


class Refused(Exception):
    """A cursor that cannot be honored; ``reason`` is the word that the reader gets.

    ``unknown``: not a cursor of this service; ``instance``: of another Flux instance; ``epoch``:
    of another process, whose rows cannot be followed on; ``future``: ahead of what was published;
    ``expired``: older than what is kept; ``clock``: of another process, and the clock stepped back
    since; ``overflow``: the reader was too slow.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


_encoder = msgspec.json.Encoder()
name_of = lru_cache(maxsize=65536)(encode_f58)
"""The F58 form of a job id; a job has about ten events, close together."""


def encode_body(jobid: int, index: int | None, event: Event) -> bytes:
    """An event with its identity as JSON, without the opening brace.

    A context that is too large, or nested too deep to be written, is left out, and the event says
    that it is truncated.
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
    """Return what tells an event without index from others: its body up to the context."""
    return body.partition(b',"context":')[0].rstrip(b"}")


class EventBuffer:
    """At most ``max_events`` entries and ``max_bytes`` bytes, the newest."""

    def __init__(self, epoch: str, *, max_events: int = 65_536, max_bytes: int = 64 << 20) -> None:
        self.epoch = epoch
        self.entries: list[Entry] = []
        self.head = 0
        """The number of the newest entry."""
        self.floor = 0
        """The oldest number after which nothing is missing."""
        self.time = 0
        """The newest time, milliseconds since the epoch."""
        self.whole_since = 0
        """Every event after this time is here, as far as the instance still knows it; 0: all."""
        self.stepped = False
        """Whether the clock was seen to step back in what the instance told of the past."""
        self._clock = 0
        """What a cursor of now says: steps back where the clock of the instance did."""
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._slack = min(_SLACK, max_events // 8)
        self._bytes = 0
        self._prefix = f"{epoch}.".encode()

    def post(self, jobid: int, index: int | None, event: Event, facets: Facets) -> Entry:
        """Publish an event of a job."""
        time = int(event.timestamp * 1000)
        self._clock = time if time < self._clock - _OVERLAP else max(self._clock, time)
        # Never earlier than what came before: readers look for times by halves.
        self.time = max(self.time, time)
        self.head += 1
        body = encode_body(jobid, index, event)
        return self._append(
            Entry(
                self.head, jobid, "event", event.name, index, facets, self.time, self.cursor, body
            )
        )

    def note(self, jobid: int, kind: Literal["gone", "row"], facets: Facets) -> Entry:
        """Publish that a job is gone, or that its row changed by no event."""
        self.head += 1
        body = b'"id":"%b"}' % name_of(jobid).encode()
        return self._append(
            Entry(self.head, jobid, kind, "", None, facets, self.time, self.cursor, body)
        )

    def _append(self, entry: Entry) -> Entry:
        self.entries.append(entry)
        self._bytes += len(entry.body) + _WEIGHT
        if len(self.entries) > self._max_events + self._slack or self._bytes > self._max_bytes:
            self._shorten()
        return entry

    @property
    def cursor(self) -> bytes:
        """The cursor of one who has seen everything."""
        return b"%b%d.%d" % (self._prefix, self.head, self._clock)

    def cursor_at(self, seq: int) -> bytes:
        """The cursor of one who has seen everything up to ``seq``."""
        if self.floor < seq <= self.head:
            return self.entries[seq - self.floor - 1].cursor
        # Older than the buffer: good in this process, for the rows, and nowhere else.
        return b"%b%d.0" % (self._prefix, seq)

    def after(self, seq: int, limit: int) -> list[Entry]:
        """Up to ``limit`` entries after ``seq``; raises ``Refused`` when some of them are lost."""
        if seq < self.floor:
            raise Refused("overflow")
        start = seq - self.floor
        return self.entries[start : start + limit]

    def resolve(self, text: str) -> int:
        """The number after which a reader with this cursor goes on; raises ``Refused``.

        The cursor may come from another process in front of the same instance; ``0`` stands for
        all that is here.
        """
        if text == "0":
            return self.floor
        cursor = self._read(text)
        if cursor.process != self.epoch[len(cursor.instance) :]:
            return self._foreign(cursor)
        if cursor.seq < self.floor:
            raise Refused("expired")
        return cursor.seq

    def resolve_own(self, text: str) -> int:
        """The number of a cursor of this process, however old; raises ``Refused``."""
        cursor = self._read(text)
        if cursor.process != self.epoch[len(cursor.instance) :]:
            raise Refused("epoch")
        return cursor.seq

    def _read(self, text: str) -> Cursor:
        cursor = parse(text)
        if cursor is None:
            raise Refused("unknown")
        if cursor.instance != self.epoch[: len(cursor.instance)]:
            raise Refused("instance")
        if cursor.process == self.epoch[len(cursor.instance) :] and cursor.seq > self.head:
            raise Refused("future")
        return cursor

    def _foreign(self, cursor: Cursor) -> int:
        """Of another process in front of this instance: by time, with some overlap."""
        start = cursor.time - _OVERLAP
        if cursor.time > self.time + _OVERLAP:
            raise Refused("future")
        # What has the time of the newest one that is missing may be missing, too.
        if self.whole_since and start <= self.whole_since:
            raise Refused("expired")
        if self.stepped:
            raise Refused("clock")
        return self.floor + bisect_left(self.entries, start, key=_time)

    def _shorten(self) -> None:
        excess = max(len(self.entries) - self._max_events, 0)
        held = self._bytes - sum(len(e.body) + _WEIGHT for e in self.entries[:excess])
        while held > self._max_bytes * 7 // 8 and excess < len(self.entries):
            held -= len(self.entries[excess].body) + _WEIGHT
            excess += 1
        self._bytes = held
        self.floor += excess
        self.whole_since = self.entries[excess - 1].time
        del self.entries[:excess]


def _time(entry: Entry) -> int:
    return entry.time

"""The messages of a stream under one filter: of a batch that was just published, or in replay.

Plain synchronous code. A message is ``(kind, cursor, body)``; see
:mod:`fluxapi.events.transport.wire`.
"""

from __future__ import annotations

import weakref
from collections import deque
from typing import Protocol

import msgspec

from fluxapi.table.index import facets
from fluxapi.table.table import Table

from .buffer import CursorError, Entry, EventBuffer, identity, name_of
from .change_log import ChangeLog
from .digest import ViewDigest
from .event_log import Batch
from .filters import Filter, Selection
from .snapshot import Snapshot

__all__ = ["PIECE_BYTES", "EventsView", "JobsView", "Message", "View"]

PIECE_BYTES = 60_000
"""Size at which a piece of a replay is full: with its last message, about 64 KiB."""

_FRAME_BYTES = 40
"""Approximate size that a frame adds to the cursor and the body of a message."""

_MAX_SCANNED = 1024
"""Entries or rows that are tested for one piece; a filter may match none of them."""

_MAX_SHARED_CHANGES = 4096
"""Changes since the start of a snapshot up to which another client may join it."""

_MAX_CACHED_SNAPSHOTS = 2
"""Snapshots of one view that keep their pieces; an older one makes each piece again."""

Message = tuple[str, bytes, bytes]

_encoder = msgspec.json.Encoder()


class View(Protocol):
    """One stream under one filter. Each message is sent once, live or in replay."""

    digest: ViewDigest
    ids: frozenset[int] | None
    """The jobs whose changes the view shows; ``None``: any job."""

    @property
    def has_digest(self) -> bool:
        """Return whether a client can compare the digest of the view with its own."""

    @property
    def head(self) -> int:
        """Return the number of the last change, which a client that has everything has reached."""

    @property
    def cursor(self) -> bytes:
        """Return the cursor of that client."""

    def live(self, batch: Batch) -> list[Message]:
        """Return the messages of ``batch`` for clients that have received everything before it."""

    def replay(self, seq: int) -> tuple[list[Message], int]:
        """Return some messages after ``seq`` and the number reached; raises ``CursorError``."""

    def begin(self, since: str | None) -> int | Snapshot:
        """Return the position at which a client with this cursor begins; raises ``CursorError``."""

    def restart(self) -> int | Snapshot:
        """Return the position at which a client continues after its cursor was rejected."""


class EventsView:
    """Every event that matches, and ``gone`` for each job that was removed."""

    def __init__(self, filter: Filter, table: Table, buffer: EventBuffer) -> None:
        self._selection = Selection(filter, table)
        self.ids = filter.ids
        self._names = filter.events
        self._first = filter.first_index
        self._seen = filter.seen
        self._buffer = buffer
        self.digest = ViewDigest(table, self._selection)
        self.has_digest = self._selection.whole
        self._all = self._selection.takes_all and filter == Filter(jobs=filter.jobs, ids=filter.ids)

    @property
    def head(self) -> int:
        """Return the number of the last change of the table."""
        return self._buffer.head

    @property
    def cursor(self) -> bytes:
        """Return the cursor of that number."""
        return self._buffer.cursor

    def live(self, batch: Batch) -> list[Message]:
        """Return the events that match the filter."""
        return self._messages(batch.entries)

    def replay(self, seq: int) -> tuple[list[Message], int]:
        """Return events from the buffer."""
        entries = self._buffer.after(seq, _MAX_SCANNED)
        size = 0
        for number, entry in enumerate(entries, 1):
            size += len(entry.body) + len(entry.cursor) + _FRAME_BYTES
            if size >= PIECE_BYTES:
                entries = entries[:number]
                break
        return self._messages(entries), entries[-1].seq if entries else seq

    def begin(self, since: str | None) -> int:
        """Return the position of the cursor, or of now without one."""
        return self._buffer.head if since is None else self._buffer.resolve(since)

    def restart(self) -> int:
        """Return the position of now; the client is told that it has missed events."""
        return self._buffer.head

    def _messages(self, entries: list[Entry]) -> list[Message]:
        if self._all:
            return [(it.kind, it.cursor, it.body) for it in entries if it.kind != "row"]
        return [(it.kind, it.cursor, it.body) for it in entries if self._shows(it)]

    def _shows(self, entry: Entry) -> bool:
        if entry.kind == "row" or not self._selection.takes(entry.id, entry.facets):
            return False
        if entry.kind == "gone":
            return True
        if entry.index is None:
            if self._seen and identity(entry.body) in self._seen:
                return False
        elif entry.index < self._first:
            return False
        return self._names is None or entry.name in self._names


class JobsView:
    """A snapshot, then each row in its latest state whenever it changes.

    ``gone`` means that a job does not match the filter, or no longer does.
    """

    has_digest = True

    def __init__(
        self, filter: Filter, table: Table, buffer: EventBuffer, change_log: ChangeLog
    ) -> None:
        self._selection = Selection(filter, table)
        self.ids = filter.ids
        self._table = table
        self._buffer = buffer
        self._change_log = change_log
        # Weak references: a snapshot is freed with its last reader.
        self._snapshots: deque[weakref.ref[Snapshot]] = deque(maxlen=_MAX_CACHED_SNAPSHOTS)
        self.digest = ViewDigest(table, self._selection)

    @property
    def head(self) -> int:
        """Return the number of the last change of the table."""
        return self._buffer.head

    @property
    def cursor(self) -> bytes:
        """Return the cursor of that number."""
        return self._buffer.cursor

    def live(self, batch: Batch) -> list[Message]:
        """Return the rows that changed."""
        messages: list[Message] = []
        takes = self._selection.takes
        for jobid, entry, before, after in batch.rows:
            if after is not None and takes(jobid, after.facets):
                messages.append(("job", entry.cursor, self._table.encode(jobid)[1:]))
            elif before is not None and takes(jobid, before.facets):
                messages.append(("gone", entry.cursor, _gone(jobid)))
        return messages

    def replay(self, seq: int) -> tuple[list[Message], int]:
        """Return the rows that changed since, in the order of their last changes."""
        if seq < self._change_log.floor:
            raise CursorError("overflow")
        messages: list[Message] = []
        size = 0
        for number, (at, jobid) in enumerate(self._change_log.since(seq)):
            if size >= PIECE_BYTES or number >= _MAX_SCANNED:
                return messages, seq
            seq = at
            message = self._latest(at, jobid)
            if message is not None:
                messages.append(message)
                size += len(message[2]) + len(message[1]) + _FRAME_BYTES
        return messages, self._buffer.head

    def begin(self, since: str | None) -> int | Snapshot:
        """Return a snapshot, or the position of a cursor of this process."""
        if since is None or since == "0":
            return self.restart()
        seq = self._buffer.resolve_own(since)
        if seq < self._change_log.floor:
            raise CursorError("expired")
        return seq

    def restart(self) -> Snapshot:
        """Return a snapshot, the one of other clients if not much has changed since."""
        held = self._snapshots[-1]() if self._snapshots else None
        if (
            held is None
            or held.start + _MAX_SHARED_CHANGES < self._buffer.head
            or held.start < self._change_log.floor
        ):
            start, cursor = self._buffer.head, self._buffer.cursor
            held = Snapshot(self._table, self._selection, start, cursor, PIECE_BYTES)
            if len(self._snapshots) == _MAX_CACHED_SNAPSHOTS:
                oldest = self._snapshots[0]()
                if oldest is not None:
                    oldest.stop_caching()
            self._snapshots.append(weakref.ref(held))
        return held

    def _latest(self, at: int, jobid: int) -> Message | None:
        job = self._table.get(jobid)
        cursor = self._buffer.cursor_at(at)
        if job is None:
            ids = self._selection.ids
            return ("gone", cursor, _gone(jobid)) if ids is None or jobid in ids else None
        values = facets(job)
        if self._selection.takes(jobid, values):
            return "job", cursor, self._table.encode(jobid)[1:]
        # The server does not know if the row matched when this client last heard of it.
        if jobid in self._change_log.moved or self._selection.might_take(jobid, values):
            return "gone", cursor, _gone(jobid)
        return None


def _gone(jobid: int) -> bytes:
    return b'"id":"%b"}' % name_of(jobid).encode()

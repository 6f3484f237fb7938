"""What a stream shows under one filter: of a batch that was just published, and of the past.

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

from .buffer import Entry, EventBuffer, Refused, identity, name_of
from .change_log import ChangeLog
from .digest import ViewDigest
from .event_log import Batch
from .filters import Filter, Selection
from .snapshot import Snapshot

__all__ = ["PIECE", "EventsView", "JobsView", "Message", "View"]

PIECE = 60_000
"""Bytes from which a piece of the past is large enough: with its last message about 64 KiB."""

_FRAME = 40
"""Bytes that a frame adds to the cursor and the body of a message, about."""

_LOOKED_AT = 1024
"""Entries or rows looked at for one piece: a filter may let nothing through."""

_SHARED = 4096
"""Changes since a snapshot began up to which others may still join it."""

_KEEPING = 2
"""Snapshots of one view that keep pieces; who walks an older one slowly has them made again."""

Message = tuple[str, bytes, bytes]

_encoder = msgspec.json.Encoder()


class View(Protocol):
    """One stream under one filter. Everything is shown once, whether live or caught up with."""

    digest: ViewDigest
    ids: frozenset[int] | None
    """The jobs whose changes it shows; ``None``: any job's."""

    @property
    def has_digest(self) -> bool:
        """Whether number and digest of its jobs mean anything to a reader."""

    def live(self, batch: Batch) -> list[Message]:
        """The messages for one who had seen everything before ``batch``."""

    def replay(self, seq: int) -> tuple[list[Message], int]:
        """Some messages after ``seq`` and the number reached; raises ``Refused``."""

    def begin(self, since: str | None) -> int | Snapshot:
        """Where one begins who asks for this cursor; raises ``Refused``."""

    def restart(self) -> int | Snapshot:
        """Where one goes on whose cursor was refused."""


class EventsView:
    """Every event, lossless; and ``gone`` for each job that was removed."""

    def __init__(self, filter: Filter, table: Table, buffer: EventBuffer) -> None:
        self._selection = Selection(filter)
        self.ids = filter.ids
        self._names = filter.events
        self._first = filter.first_index
        self._seen = filter.seen
        self._buffer = buffer
        self.digest = ViewDigest(table, self._selection)
        self.has_digest = self._selection.whole
        self._all = self._selection.takes_all and filter == Filter(jobs=filter.jobs, ids=filter.ids)

    def live(self, batch: Batch) -> list[Message]:
        """The events that the filter takes."""
        return self._messages(batch.entries)

    def replay(self, seq: int) -> tuple[list[Message], int]:
        """The same, from the buffer."""
        entries = self._buffer.after(seq, _LOOKED_AT)
        size = 0
        for number, entry in enumerate(entries, 1):
            size += len(entry.body) + len(entry.cursor) + _FRAME
            if size >= PIECE:
                entries = entries[:number]
                break
        return self._messages(entries), entries[-1].seq if entries else seq

    def begin(self, since: str | None) -> int:
        """Now, or after the cursor."""
        return self._buffer.head if since is None else self._buffer.resolve(since)

    def restart(self) -> int:
        """Now: what was missed is lost, and the reader is told so."""
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
    """A snapshot, then rows as they change: each in its latest state, never a backlog.

    ``gone`` says that a job is not, or no longer, among those that the filter takes.
    """

    has_digest = True

    def __init__(
        self, filter: Filter, table: Table, buffer: EventBuffer, change_log: ChangeLog
    ) -> None:
        self._selection = Selection(filter)
        self.ids = filter.ids
        self._table = table
        self._buffer = buffer
        self._change_log = change_log
        # The newest is shared while somebody walks it, and gone with the last one.
        self._snapshots: deque[weakref.ref[Snapshot]] = deque(maxlen=_KEEPING)
        self.digest = ViewDigest(table, self._selection)

    def live(self, batch: Batch) -> list[Message]:
        """The rows that changed."""
        messages: list[Message] = []
        takes = self._selection.takes
        for jobid, entry, before, after in batch.rows:
            if after is not None and takes(jobid, after.facets):
                messages.append(("job", entry.cursor, self._table.encode(jobid)[1:]))
            elif before is not None and takes(jobid, before.facets):
                messages.append(("gone", entry.cursor, _gone(jobid)))
        return messages

    def replay(self, seq: int) -> tuple[list[Message], int]:
        """The rows that changed since, in the order of their last changes."""
        if seq < self._change_log.floor:
            raise Refused("overflow")
        messages: list[Message] = []
        size = 0
        for number, (at, jobid) in enumerate(self._change_log.since(seq)):
            if size >= PIECE or number >= _LOOKED_AT:
                return messages, seq
            seq = at
            message = self._latest(at, jobid)
            if message is not None:
                messages.append(message)
                size += len(message[2]) + len(message[1]) + _FRAME
        return messages, self._buffer.head

    def begin(self, since: str | None) -> int | Snapshot:
        """A snapshot, or what changed after a cursor of this process."""
        if since is None or since == "0":
            return self.restart()
        seq = self._buffer.resolve_own(since)
        if seq < self._change_log.floor:
            raise Refused("expired")
        return seq

    def restart(self) -> Snapshot:
        """A snapshot: one that others have begun, if not much has changed since."""
        held = self._snapshots[-1]() if self._snapshots else None
        if (
            held is None
            or held.start + _SHARED < self._buffer.head
            or held.start < self._change_log.floor
        ):
            start, cursor = self._buffer.head, self._buffer.cursor
            held = Snapshot(self._table, self._selection, start, cursor, PIECE)
            if len(self._snapshots) == _KEEPING and (oldest := self._snapshots[0]()) is not None:
                oldest.keep_nothing()
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
        # Whether it was one of them when this reader last heard of it, nobody knows.
        if jobid in self._change_log.moved or self._selection.might_take(jobid, values):
            return "gone", cursor, _gone(jobid)
        return None


def _gone(jobid: int) -> bytes:
    return b'"id":"%b"}' % name_of(jobid).encode()

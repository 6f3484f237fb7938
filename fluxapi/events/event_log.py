"""The log of everything that is published: events in order, and the rows that they changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from fluxapi.table.changes import Changes, Shape
from fluxapi.table.index import LASTING

from .buffer import Entry, EventBuffer
from .change_log import ChangeLog

__all__ = ["Batch", "EventLog", "Row"]


class Row(NamedTuple):
    """A row that changed: the entry of its last change, its shape before and after.

    ``before`` is ``None`` for a new row, ``after`` for a removed one.
    """

    id: int
    entry: Entry
    before: Shape | None
    after: Shape | None


@dataclass(frozen=True, slots=True)
class Batch:
    """Entries in order, and each changed row once, in the order of their last entries."""

    entries: list[Entry]
    rows: list[Row]


class EventLog:
    """Everything that was published: each event, and the last change of each row.

    Only this class writes to the buffer and the change log, so they always agree.

    Attributes:
        buffer: The newest events, for replay.
        change_log: The order in which rows changed last, for replay of rows.
    """

    def __init__(self, buffer: EventBuffer, change_log: ChangeLog | None = None) -> None:
        self.buffer = buffer
        self.change_log = ChangeLog() if change_log is None else change_log

    def append(self, changes: Changes) -> Batch:
        """Publish the changes of the table and return them as a batch."""
        entries: list[Entry] = []
        last: dict[int, Entry] = {}
        for posted in changes.posted:
            entry = self.buffer.post(posted.id, posted.index, posted.event, posted.facets)
            entries.append(entry)
            last.pop(posted.id, None)
            last[posted.id] = entry
        # The rows of these jobs were never published, but their events were.
        passing = _passing(last, changes)
        entries.extend([self.buffer.note(entry.id, "gone", entry.facets) for entry in passing])
        for jobid, shape in changes.after.items():
            if jobid not in last and jobid in changes.changed:
                entries.append(self.buffer.note(jobid, "row", shape.facets))
                last[jobid] = entries[-1]
        for jobid, shape in changes.gone.items():
            entries.append(self.buffer.note(jobid, "gone", shape.facets))
            last.pop(jobid, None)
            last[jobid] = entries[-1]
        rows: list[Row] = []
        for jobid, entry in last.items():
            if jobid in changes.changed:
                before, after = changes.changed[jobid], changes.after[jobid]
                rows.append(Row(jobid, entry, before, after))
                self.change_log.touch(jobid, entry.seq)
                if before is not None and before.facets[LASTING] != after.facets[LASTING]:
                    self.change_log.moved.add(jobid)
            elif jobid in changes.gone:
                rows.append(Row(jobid, entry, changes.gone[jobid], None))
                self.change_log.remove(jobid, entry.seq)
        return Batch(entries, rows)


def _passing(last: dict[int, Entry], changes: Changes) -> list[Entry]:
    """Return the last entries of the jobs that were added and removed in the same batch."""
    return [
        entry
        for jobid, entry in last.items()
        if jobid not in changes.changed and jobid not in changes.gone
    ]

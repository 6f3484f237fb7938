"""What one hand-over of the journal published: its events, and the rows that it left behind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from .index import LASTING
from .ring import Entry, Ring
from .table import Changes, Shape
from .trail import Trail

__all__ = ["Batch", "Row", "publish"]


class Row(NamedTuple):
    """A row that changed: the entry of its last change, what it was and what it is.

    ``before`` is ``None`` for a new one, ``after`` for one that is gone.
    """

    id: int
    entry: Entry
    before: Shape | None
    after: Shape | None


@dataclass(frozen=True, slots=True)
class Batch:
    """Entries in order; each changed row once, in the order of their last entries."""

    entries: list[Entry]
    rows: list[Row]


def publish(changes: Changes, ring: Ring, trail: Trail) -> Batch:
    """Enter what happened to the table into ring and trail."""
    entries: list[Entry] = []
    last: dict[int, Entry] = {}
    for posted in changes.posted:
        entry = ring.post(posted.id, posted.index, posted.event, posted.facets)
        entries.append(entry)
        last.pop(posted.id, None)
        last[posted.id] = entry
    # No row of these was ever told, but their events were.
    passing = _passing(last, changes)
    entries.extend([ring.note(entry.id, "gone", entry.facets) for entry in passing])
    for jobid, shape in changes.after.items():
        if jobid not in last and jobid in changes.changed:
            entries.append(ring.note(jobid, "row", shape.facets))
            last[jobid] = entries[-1]
    for jobid, shape in changes.gone.items():
        entries.append(ring.note(jobid, "gone", shape.facets))
        last.pop(jobid, None)
        last[jobid] = entries[-1]
    rows: list[Row] = []
    for jobid, entry in last.items():
        if jobid in changes.changed:
            before, after = changes.changed[jobid], changes.after[jobid]
            rows.append(Row(jobid, entry, before, after))
            trail.touch(jobid, entry.seq)
            if before is not None and before.facets[LASTING] != after.facets[LASTING]:
                trail.moved.add(jobid)
        elif jobid in changes.gone:
            rows.append(Row(jobid, entry, changes.gone[jobid], None))
            trail.remove(jobid, entry.seq)
    return Batch(entries, rows)


def _passing(last: dict[int, Entry], changes: Changes) -> list[Entry]:
    """The last events of the jobs that came and went at once."""
    return [
        entry
        for jobid, entry in last.items()
        if jobid not in changes.changed and jobid not in changes.gone
    ]

"""Count and digest of the jobs that match one filter, updated with the table."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from fluxapi.model.job import checksum
from fluxapi.process.timeslice import SLICE_S
from fluxapi.table.changes import Shape
from fluxapi.table.index import facets
from fluxapi.table.table import DIGEST_MODULUS, Table

from .event_log import Batch
from .filters import Selection

__all__ = ["Changed", "ViewDigest", "changed"]

_SLICE_JOBS = 500
"""Jobs that are counted before other tasks run."""


class Changed(NamedTuple):
    """A job that changed: its shape before and after; ``None`` is that of no job."""

    id: int
    before: Shape | None
    after: Shape | None


def changed(batch: Batch) -> list[Changed]:
    """Return the jobs that a batch has changed, without its events."""
    return [Changed(row.id, row.before, row.after) for row in batch.rows]


class ViewDigest:
    """Count and digest of a selection: first counted in slices, then updated with each change.

    A walk from the newest job down counts each job that it passes. A change to a job that the walk
    has not reached yet is ignored, since the walk counts the job in its later state.
    """

    def __init__(self, table: Table, selection: Selection) -> None:
        self._table = table
        self._selection = selection
        self.restart()

    def restart(self) -> None:
        """Count all jobs anew."""
        self._count = 0
        self._digest = 0
        self._reached: int | None = None
        self.complete = self._selection.takes_all

    def walk_on(self) -> bool:
        """Count a slice of jobs; return whether all are counted."""
        if self.complete:
            return True
        table, selection = self._table, self._selection
        ids = selection.below(table, self._reached, _SLICE_JOBS)
        end = time.perf_counter() + SLICE_S
        for jobid in ids:
            if time.perf_counter() >= end and jobid != ids[0]:
                # The time of a test depends on text from untrusted users.
                return False
            self._reached = jobid
            job = table.get(jobid)
            if job is not None and selection.takes(jobid, facets(job)):
                self._count += 1
                self._digest += checksum(job)
        self.complete = len(ids) < _SLICE_JOBS
        return self.complete

    def apply(self, rows: Sequence[Changed]) -> None:
        """Apply published changes."""
        selection = self._selection
        if selection.takes_all:
            return
        for jobid, before, after in rows:
            if not self.complete and (self._reached is None or jobid < self._reached):
                continue
            if before is not None and selection.takes(jobid, before.facets):
                self._count -= 1
                self._digest -= before.checksum
            if after is not None and selection.takes(jobid, after.facets):
                self._count += 1
                self._digest += after.checksum

    def members(self) -> dict[str, Any]:
        """Return ``count`` and ``digest`` (eight hex digits); empty until all jobs are counted."""
        if not self.complete:
            return {}
        whole = self._selection.takes_all
        count = len(self._table) if whole else self._count
        digest = self._table.digest if whole else self._digest % DIGEST_MODULUS
        return {"count": count, "digest": f"{digest:08x}"}

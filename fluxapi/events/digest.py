"""Count and digest of the jobs that match one filter, updated with the table."""

from __future__ import annotations

from typing import Any

from fluxapi.model.job import checksum
from fluxapi.table.index import facets
from fluxapi.table.table import DIGEST_MODULUS, Table

from .event_log import Batch
from .filters import Selection

__all__ = ["ViewDigest"]

_SLICE_JOBS = 500
"""Jobs that are counted before other tasks run."""


class ViewDigest:
    """Count and digest of a selection: first counted in slices, then updated with each change.

    A walk from the newest job down counts each job that it passes. A change to a job that the walk
    has not reached yet is ignored, since the walk counts the job in its later state.
    """

    def __init__(self, table: Table, selection: Selection) -> None:
        self._table = table
        self._selection = selection
        self._count = 0
        self._digest = 0
        self._reached: int | None = None
        self.complete = selection.takes_all

    def walk_on(self) -> bool:
        """Count a slice of jobs; return whether all are counted."""
        if self.complete:
            return True
        table, selection = self._table, self._selection
        ids = selection.below(table, self._reached, _SLICE_JOBS)
        for jobid in ids:
            job = table.get(jobid)
            if job is not None and selection.takes(jobid, facets(job)):
                self._count += 1
                self._digest += checksum(job)
        if len(ids) < _SLICE_JOBS:
            self.complete = True
        else:
            self._reached = ids[-1]
        return self.complete

    def apply(self, batch: Batch) -> None:
        """Apply a published batch."""
        selection = self._selection
        if selection.takes_all:
            return
        for row in batch.rows:
            if not self.complete and (self._reached is None or row.id < self._reached):
                continue
            if row.before is not None and selection.takes(row.id, row.before.facets):
                self._count -= 1
                self._digest -= row.before.checksum
            if row.after is not None and selection.takes(row.id, row.after.facets):
                self._count += 1
                self._digest += row.after.checksum

    def members(self) -> dict[str, Any]:
        """Return ``count`` and ``digest`` (eight hex digits); empty until all jobs are counted."""
        if not self.complete:
            return {}
        whole = self._selection.takes_all
        count = len(self._table) if whole else self._count
        digest = self._table.digest if whole else self._digest % DIGEST_MODULUS
        return {"count": count, "digest": f"{digest:08x}"}

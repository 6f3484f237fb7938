"""Lists of jobs with those of the history, as records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fluxapi.table.query import JobQuery
from fluxapi.table.table import Table

from . import merged
from .query import ArchivedJob, Range
from .stored_records import StoredRecords

__all__ = ["ALL", "Listing", "Scope"]

ALL = "all"
"""Stands for all instances of the history."""


@dataclass(frozen=True)
class Scope:
    """The part of the history that is listed.

    Attributes:
        instance: The ID of an instance in the history, :data:`ALL`, or ``None``: that of the
            listing.
        after: A job ID for the instance of the listing, else a key; the page begins below it.
    """

    instance: str | None = None
    after: int | None = None


@dataclass(frozen=True)
class Listing:
    """Lists for one instance.

    Attributes:
        table: Its jobs.
        encode: Returns the record of a job of the table as JSON; raises ``KeyError``.
        records: Its stored jobs.
    """

    table: Table
    encode: Callable[[int], bytes]
    records: StoredRecords

    async def page(
        self, scope: Scope, query: JobQuery, limit: int
    ) -> tuple[list[bytes], int | None]:
        """Return up to *limit* records, newest first, and where the next page begins.

        Raises:
            HistoryUnavailable: The history cannot be read.
        """
        if scope.instance in {None, self.records.instance}:
            return await self._merged(scope, query, limit)
        place = Range(None if scope.instance == ALL else scope.instance, below=scope.after)
        jobs = await self.records.select(query, place, limit=limit)
        return [job.record for job in jobs], jobs[-1].key if len(jobs) == limit else None

    async def _merged(
        self, scope: Scope, query: JobQuery, limit: int
    ) -> tuple[list[bytes], int | None]:
        found = await merged.page(self.table, self.records, query, limit=limit, after=scope.after)
        records = [
            job.record if isinstance(job, ArchivedJob) else self.encode(job)
            for job in found.jobs
            if isinstance(job, ArchivedJob) or job in self.table
        ]
        return records, found.next

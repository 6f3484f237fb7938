"""One list of the jobs of an instance: those of the table, and those that only the history has."""

from __future__ import annotations

from dataclasses import dataclass

from fluxapi.table.query import JobQuery
from fluxapi.table.query import page as table_page
from fluxapi.table.table import Table

from .query import ArchivedJob
from .stored_records import StoredRecords

__all__ = ["MergedPage", "page"]


@dataclass(frozen=True, slots=True)
class MergedPage:
    """One page of jobs, newest first.

    Attributes:
        jobs: The IDs of jobs of the table, and the jobs of the history.
        next: The job ID below which the next page begins; ``None``: this is the last one.
    """

    jobs: list[int | ArchivedJob]
    next: int | None


async def page(
    table: Table,
    records: StoredRecords,
    query: JobQuery,
    *,
    limit: int,
    after: int | None = None,
) -> MergedPage:
    """Return up to *limit* matches below the ID *after*, of the table and of the history.

    A job that both have is shown as in the table. With a text, it is found if it matches in either,
    since the history searches commands, too. The pages do not depend on which jobs Flux purges
    between two of them.

    Raises:
        HistoryUnavailable: The history cannot be read.
    """
    found: dict[int, int | ArchivedJob] = {}
    while True:
        live = await table_page(table, query, limit=limit, after=after)
        stored = await records.page(query, limit=limit, below=after)
        ends = [-1 if live.next is None else live.next]
        ends.append(stored[-1].id if len(stored) == limit else -1)
        # Below this ID, one of the two may have more matches.
        after = max(ends)
        found.update((jobid, jobid) for jobid in live.ids if jobid >= after)
        for job in stored:
            if job.id >= after and job.id not in table:
                found[job.id] = job
            elif job.id >= after and query.text:
                found[job.id] = job.id
        if after < 0 or len(found) >= limit:
            break
    ids = sorted(found, reverse=True)
    is_last = after < 0 and len(ids) <= limit
    ids = ids[:limit]
    return MergedPage([found[jobid] for jobid in ids], None if is_last else ids[-1])

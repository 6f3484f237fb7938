"""The data of past jobs, read in the way in which an instance gives that of its jobs."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from functools import partial

from msgspec.structs import replace

from fluxapi.errors import JobNotFound, NotFound
from fluxapi.instance.protocol import LookupKey
from fluxapi.model.eventlog import Event, valid_events
from fluxapi.model.jobid import encode_f58
from fluxapi.model.message import problem
from fluxapi.model.output import Last, OutputBatch
from fluxapi.table.query import JobQuery

from .database import MAX_STORED_ID
from .ended_job import Detail, unpack
from .match_figures import MatchFigures, read_match_figures
from .outputs import Sending, read_omitted, read_output, stored_output
from .past_instance import PastInstance, select_instances
from .query import ArchivedJob, Range, find, find_one
from .reader import ArchiveReader
from .stored_output import Omitted, OutputState

__all__ = ["StoredRecords"]


_WITHOUT_OUTPUT = {
    OutputState.UNREAD: "was not read before Flux had purged the job",
    OutputState.DROPPED: "was removed from the history to make room for that of later jobs",
    OutputState.MISSED: "could not be read while Flux had it",
}
"""Why the history has no output of a job that may have had one."""


class StoredRecords:
    """The stored jobs of one instance.

    Args:
        reader: Reads the history.
        instance: The ID of the instance in the history.
    """

    def __init__(self, reader: ArchiveReader, instance: str) -> None:
        self._reader = reader
        self.instance = instance

    async def find(self, jobid: int) -> ArchivedJob | None:
        """Return a job with its record, or ``None`` if it is not stored.

        Raises:
            HistoryUnavailable: The history cannot be read.
        """
        return await self._reader.run(lambda database: find_one(database, self.instance, jobid))

    async def page(self, query: JobQuery, *, limit: int, below: int | None) -> list[ArchivedJob]:
        """Return up to *limit* matches with IDs *below* the given one, newest first.

        Raises:
            HistoryUnavailable: The history cannot be read.
        """
        return await self.select(query, Range(self.instance, below_id=below), limit=limit)

    async def select(self, query: JobQuery, place: Range, *, limit: int) -> list[ArchivedJob]:
        """Return up to *limit* matches in any part of the history, newest first.

        Raises:
            HistoryUnavailable: The history cannot be read.
        """
        return await self._reader.run(partial(find, query=query, place=place, limit=limit))

    async def figures(self, query: JobQuery, instance: str | None) -> MatchFigures | None:
        """Return the figures of the jobs that match, of an instance of the history or of all.

        The return value is ``None`` if those of several other queries are to be computed first.

        Raises:
            HistoryUnavailable: The history cannot be read.
        """
        return await self._reader.run_long(
            partial(read_match_figures, query=query, instance=instance)
        )

    async def instances(self, ids: Sequence[str]) -> dict[str, PastInstance]:
        """Return the instances of the history with these IDs, by ID.

        Raises:
            HistoryUnavailable: The history cannot be read.
        """
        return await self._reader.run(partial(select_instances, ids=ids))

    async def lookup(self, jobid: int, key: LookupKey) -> str:
        """Return the eventlog, the jobspec without its environment, or R of a job.

        Raises:
            JobNotFound: The job is not stored.
            NotFound: The job never had it, or it was too large to keep.
            HistoryUnavailable: The history cannot be read.
        """
        detail = await self._detail(jobid)
        texts = {"eventlog": detail.eventlog, "jobspec": detail.jobspec, "R": detail.R}
        text = texts.get(key, b"")
        if text:
            return text.decode(errors="replace")
        if key in detail.left_out:
            raise NotFound(f"The {key} of the job was too large to be kept in the history.")
        raise NotFound(f"The history has no {key} of this job.")

    async def eventlog(self, jobid: int) -> list[Event]:
        """Return the events of a job; see :meth:`lookup`."""
        text = (await self._detail(jobid)).eventlog
        return await asyncio.to_thread(valid_events, text)

    async def output(
        self,
        jobid: int,
        *,
        follow: bool = False,
        first: int = 0,
        last: Last | None = None,
        sending: Sending | None = None,
    ) -> AsyncIterator[OutputBatch]:
        """Yield the stored output, like an instance; *sending* counts what a reader lacks.

        Raises:
            JobNotFound: The job is not stored.
            NotFound: Its output was not kept.
            HistoryUnavailable: The history cannot be read.
        """
        state, output = await read_output(self._reader, self.instance, jobid)
        if state in _WITHOUT_OUTPUT:
            if await self.find(jobid) is None:
                raise JobNotFound(problem("no_past_job", job=encode_f58(jobid)))
            raise NotFound(f"The output of job {encode_f58(jobid)} {_WITHOUT_OUTPUT[state]}.")
        end = first
        async for batch in stored_output(output, last, sending):
            events = batch.events[max(first - batch.first, 0) :]
            if events:
                end = batch.next
                yield replace(batch, first=end - len(events), events=events)
        if follow:
            yield OutputBatch(end, [])

    async def omitted(self, jobid: int) -> Omitted | None:
        """Return what is left out of the stored output of a job, ``None`` if nothing is.

        Raises:
            HistoryUnavailable: The history cannot be read.
        """
        return await read_omitted(self._reader, self.instance, jobid)

    async def _detail(self, jobid: int) -> Detail:
        try:
            detail = await self._reader.run(
                lambda database: _detail(database, self.instance, jobid),
            )
        except ValueError as error:
            raise NotFound(f"The data of this job in the history is damaged: {error}.") from None
        if detail is None:
            raise JobNotFound(problem("no_past_job", job=encode_f58(jobid)))
        return detail


def _detail(database: sqlite3.Connection, instance: str, jobid: int) -> Detail | None:
    if jobid > MAX_STORED_ID:
        return None
    row = database.execute(
        "SELECT data FROM details JOIN jobs ON jobs.key = details.job "
        "JOIN instances ON instances.key = jobs.instance WHERE instances.id = ? AND jobs.id = ?",
        (instance, jobid),
    ).fetchone()
    return None if row is None else unpack(row[0])

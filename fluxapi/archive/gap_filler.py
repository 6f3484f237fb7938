"""The task that stores the jobs that the recorder has missed, as long as Flux has them."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from time import time
from typing import Any, Protocol

import msgspec

from fluxapi.errors import FluxapiError, FluxRefused, InstanceUnavailable, NotFound
from fluxapi.instance.protocol import LookupKey
from fluxapi.model.record import encode
from fluxapi.table.table import Table

from .catch_up import CatchUpTask
from .database import IS_ID, MAX_STORED_ID
from .ended_job import Detail, EndedJob, facts_of, redacted
from .reader import ArchiveReader
from .recorder import MAX_EVENTLOG_BYTES
from .source import Source
from .writer import ArchiveWriter

__all__ = ["GapFiller", "Lookup"]

_log = logging.getLogger(__name__)

_SLICE_JOBS = 500
_LOOKUPS = 4
"""Jobs whose data is requested from Flux simultaneously."""

_KEYS: tuple[LookupKey, ...] = ("eventlog", "jobspec", "R")


class Lookup(Protocol):
    """An object that reads what Flux keeps of a job."""

    async def lookup(self, jobid: int, key: LookupKey) -> str:
        """See :meth:`fluxapi.instance.protocol.JobRecords.lookup`."""


class GapFiller(CatchUpTask):
    """A task that compares the table with the history and reads from Flux what is missing.

    It works when the recorder has missed jobs: because the queue of the writer was full, the
    database could not be written, or the journal does not carry all of a job. It also marks the
    jobs that Flux has purged while nobody was told. It calls *on_stored* with the ID of each job
    that is on its way to the database.
    """

    def __init__(
        self,
        source: Source,
        table: Table,
        records: Lookup,
        writer: ArchiveWriter,
        reader: ArchiveReader,
        *,
        on_stored: Callable[[int], None],
    ) -> None:
        super().__init__("history of past jobs", writer)
        self._on_stored = on_stored
        self._source = source
        self._table = table
        self._records = records
        self._reader = reader

    async def _catch_up(self) -> bool:
        """Store what is missing; return false if it has to be tried again."""
        if self._table.replaying:
            return False
        # Jobs that are on their way to the database are not missing.
        if not await self._flush():
            return False
        if self._writer.problem is not None:
            return True  # `retry` is called when it is gone.
        try:
            if self._compares_all:
                self._compares_all = False
                self._noted.clear()
                is_complete = await self._compare()
            else:
                noted = list(self._noted)
                self._noted.clear()
                is_complete = await self._store(await self._missing(noted))
            self._raise_failure()
        except FluxapiError as error:
            _log.warning("past jobs are not stored yet: %s", error.detail)
            return False
        return is_complete

    async def _compare(self) -> bool:
        """Compare the inactive jobs of the table with the history, slice by slice."""
        complete = True
        begin = after = self._after
        while True:
            inactive = self._table.index.state.get("INACTIVE")
            ids = list(islice(inactive.ascending(after + 1), _SLICE_JOBS)) if inactive else []
            below = ids[-1] + 1 if len(ids) == _SLICE_JOBS else None
            await self._mark_purged(after, below, frozenset(ids))
            if ids:
                missing = await self._missing(ids)
                try:
                    complete = await self._store(missing) and complete
                except InstanceUnavailable:
                    self._after = missing[0] - 1 if missing else ids[-1]
                    raise
                after = ids[-1]
            if below is None:
                break
        self._after = -1
        if begin >= 0:
            self.note(None)  # The first ones come now.
        return complete

    async def _mark_purged(self, after: int, below: int | None, present: frozenset[int]) -> None:
        """Mark the stored jobs between two IDs that the table does not have."""
        last = MAX_STORED_ID if below is None else below - 1
        stored = await self._reader.run(
            lambda database: _unmarked(database, self._source.id, after, last)
        )
        gone = [
            jobid
            for jobid in stored
            if jobid not in present and jobid not in self._table and jobid > self._table.trimmed
        ]
        if gone:
            self._writer.purge(self._source, gone, time())

    async def _missing(self, ids: Sequence[int]) -> deque[int]:
        """Return the jobs that are not stored as a whole."""
        stored = await self._reader.run(lambda database: _exact(database, self._source.id, ids))
        return deque(
            jobid
            for jobid in ids
            if jobid not in stored and jobid <= MAX_STORED_ID and not self._is_too_old(jobid)
        )

    async def _store(self, missing: deque[int]) -> bool:
        """Read jobs from Flux; return false if some remain."""
        results = await asyncio.gather(*[self._work(missing) for _ in range(_LOOKUPS)])
        return all(results)

    def _is_too_old(self, jobid: int) -> bool:
        """Return whether the history would drop a job at once."""
        job = self._table.get(jobid)
        return job is not None and job.t_inactive <= self._writer.upkeep.horizon

    async def _work(self, missing: deque[int]) -> bool:
        complete = True
        while missing:
            jobid = missing.popleft()
            try:
                job = await self._read(jobid)
            except InstanceUnavailable as error:
                self._pass_over(error)
                continue
            self._answered()
            if job is not None:
                if not self._writer.has_room:
                    await self._flush()
                if self._writer.add(self._source, job):
                    self._on_stored(jobid)
                else:
                    complete = False
        return complete

    async def _read(self, jobid: int) -> EndedJob | None:
        """Return a job with what Flux has of it, or ``None`` if it is gone."""
        detail = await read_detail(self._records, jobid)
        job = self._table.get(jobid)
        if job is None or not job.is_inactive or detail is None:
            return None
        return EndedJob(jobid, facts_of(job), encode(job), detail)


async def read_detail(records: Lookup, jobid: int) -> Detail | None:
    """Return eventlog, jobspec and R as Flux has them, ``None`` if the job is gone.

    Each text that is too large is left out.

    Raises:
        InstanceUnavailable: Flux does not answer.
    """
    texts: dict[LookupKey, bytes] = {}
    left_out: list[str] = []
    for key in _KEYS:
        try:
            text = (await records.lookup(jobid, key)).encode(errors="replace")
        except InstanceUnavailable:
            raise
        except (NotFound, FluxRefused):
            if key == "eventlog":
                return None
            text = b""
        if len(text) > MAX_EVENTLOG_BYTES:
            left_out.append(key)
            text = b""
        texts[key] = text
    return Detail(
        texts["eventlog"], _redacted(texts["jobspec"]), texts["R"].strip(), tuple(left_out)
    )


def _redacted(jobspec: bytes) -> bytes:
    """Return a jobspec without the environment, which may contain secrets."""
    try:
        document = msgspec.json.decode(jobspec, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError):
        return b""
    return msgspec.json.encode(redacted(document))


def _exact(database: sqlite3.Connection, instance: str, ids: Iterable[int]) -> set[int]:
    wanted = [jobid for jobid in ids if jobid <= MAX_STORED_ID]
    marks = ",".join("?" * len(wanted))
    found = database.execute(
        "SELECT jobs.id FROM jobs JOIN instances ON instances.key = jobs.instance "  # noqa: S608
        "JOIN details ON details.job = jobs.key "
        f"WHERE instances.id = ? AND details.exact AND jobs.id IN ({marks})",
        (instance, *wanted),
    )
    return {jobid for (jobid,) in found}


def _unmarked(database: sqlite3.Connection, instance: str, after: int, last: int) -> list[int]:
    found = database.execute(
        "SELECT jobs.id FROM jobs JOIN instances ON instances.key = jobs.instance "  # noqa: S608 - constants
        f"WHERE instances.id = ? AND purged IS NULL AND jobs.id > ? AND jobs.id <= ? AND {IS_ID}",
        (instance, after, last),
    )
    return [jobid for (jobid,) in found]

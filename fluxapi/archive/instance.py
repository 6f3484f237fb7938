"""An instance that is gone, as the history tells of it: everything can be read, nothing changed."""

from __future__ import annotations

import asyncio
import logging
import secrets
import sqlite3
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from fluxapi.errors import (
    HistoryUnavailable,
    InstanceUnavailable,
    NotFound,
    NotSupported,
)
from fluxapi.instance.protocol import (
    CLOSE_TIMEOUT_S,
    Capabilities,
    ChangeBatch,
    InstanceInfo,
    Last,
    LookupKey,
    OutputBatch,
    Queue,
    Resources,
)
from fluxapi.model.eventlog import Event, JournalMessage, Purged, Resync
from fluxapi.model.humanize import utc
from fluxapi.model.jobid import JOBID_ANY
from fluxapi.process.timeout import within

from .database import FILE_NAME, check_readable
from .past_control import PastControl
from .past_instance import PastInstance, find_instance, list_children
from .reader import ArchiveReader
from .stored_jobs import PAGE_JOBS, Listing, compare, listing, read_ids, read_jobs
from .stored_records import StoredRecords

__all__ = ["ArchivedInstance", "read_queues"]

_log = logging.getLogger(__name__)

T = TypeVar("T")

_POLL_S = 5.0
"""Time between two looks for jobs that another service has stored meanwhile."""

_SECRET_BYTES = 32
_MAX_QUEUES = 1000

_NOTHING = Capabilities(
    submit=False, cancel=False, signal=False, urgency=False, shutdown=False, children=False
)


class ArchivedInstance(PastControl):
    """An instance of the history in *statedir*, which is only read.

    Args:
        statedir: The directory with the history.
        instance_id: The ID of the instance, or the beginning of it; ``None``: the one that was seen
            last.
        max_jobs: Jobs that are listed; the newest.
        max_child_jobs: The same of an instance that was one of its jobs.
    """

    def __init__(
        self,
        statedir: Path,
        instance_id: str | None = None,
        max_jobs: int = 1_000_000,
        max_child_jobs: int = 100_000,
    ) -> None:
        self._statedir = statedir
        self._wanted = instance_id
        self._max_jobs = max_jobs
        self._max_child_jobs = max_child_jobs
        self._reader = ArchiveReader(statedir / FILE_NAME)
        self._past: PastInstance | None = None
        self._is_closed = False
        self._children: dict[int, str] = {}

    async def start(self) -> InstanceInfo:
        """Open the history; raise ``HistoryUnavailable`` or ``InstanceNotFound`` if that fails."""
        await asyncio.get_running_loop().run_in_executor(None, check_readable, self._statedir)
        past, jobs = await self._reader.run(self._find)
        self._past = past
        self._children = await self._reader.run(partial(list_children, parent=past))
        return InstanceInfo(
            kind="archive",
            version=past.version,
            uri=None,
            size=past.size,
            hostname=past.hostname,
            owner=past.owner,
            starttime=past.starttime,
            statedir=str(self._statedir),
            capabilities=replace(_NOTHING, children=bool(self._children)),
            notice=self._notice(past, jobs),
            last_seen=past.last_seen,
        )

    def _find(self, database: sqlite3.Connection) -> tuple[PastInstance, Listing]:
        past = find_instance(database, self._wanted)
        return past, listing(database, past.key, self._max_jobs)

    def _notice(self, past: PastInstance, jobs: Listing) -> str:
        """Return what readers must know of the instance."""
        # A nested instance ends with its job, which a reader knows; nobody knows its ID.
        what = (
            f"Job {past.path.rpartition('/')[2]} has ended, and its instance with it. "
            "Its jobs are shown as of"
            if past.path
            else f"This is the history of instance {past.id}, which was last seen at"
        )
        notice = f"{what} {utc(past.last_seen)}. Nothing can be submitted or changed."
        if jobs.total > self._max_jobs:
            notice += (
                f" It has {jobs.total:,} jobs; only the newest {self._max_jobs:,} are in the table "
                "(--max-jobs)."
            )
        return notice

    async def close(self, timeout: float = CLOSE_TIMEOUT_S) -> None:
        """Close the history."""
        if not self._is_closed:
            self._is_closed = True
            try:
                await within(timeout, self._reader.aclose())
            except asyncio.TimeoutError:
                _log.warning("the history was not closed in time")

    @property
    def past_children(self) -> Collection[int]:
        """Return the jobs that were instances of which the history has jobs."""
        return self._children.keys()

    def past_child(self, jobid: int) -> ArchivedInstance:
        """Return the instance of one of :attr:`past_children`, not started."""
        limit = min(self._max_jobs, self._max_child_jobs)
        return ArchivedInstance(self._statedir, self._children[jobid], limit, limit)

    async def secret(self) -> bytes:
        """Return a secret of this process: nothing is signed."""
        return secrets.token_bytes(_SECRET_BYTES)

    async def ping(self) -> None:
        """Raise ``HistoryUnavailable`` if the history cannot be read."""
        await self._read(lambda database, _: database.execute("SELECT 1 FROM meta").fetchone())

    async def lookup(self, jobid: int, key: LookupKey) -> str:
        """Return the eventlog, jobspec or R of a job, as far as it was kept."""
        if key == "guest.exec.eventlog":
            raise NotFound("The history does not keep the events of the job shell.")
        return await self._records().lookup(jobid, key)

    async def eventlog(self, jobid: int) -> list[Event]:
        """Return the events of a job."""
        return await self._records().eventlog(jobid)

    @property
    def stored(self) -> StoredRecords | None:
        """Return the stored jobs of the instance, or ``None`` before the start."""
        return None if self._past is None else StoredRecords(self._reader, self._past.id)

    def _records(self) -> StoredRecords:
        stored = self.stored
        if stored is None or self._is_closed:
            raise InstanceUnavailable("The history is not open.")
        return stored

    async def output(
        self, jobid: int, *, follow: bool = False, first: int = 0, last: Last | None = None
    ) -> AsyncIterator[OutputBatch]:
        """Yield the stored output; raise ``NotFound`` if it was not kept."""
        async for batch in self._records().output(jobid, follow=follow, first=first, last=last):
            yield batch

    async def resources(self) -> Resources:
        """Raise ``NotSupported``: the nodes are gone."""
        raise NotSupported(
            "The instance is gone, and its history does not contain its nodes. The record of a job "
            "names the nodes of the job."
        )

    async def queues(self) -> list[Queue]:
        """Return the queues that jobs were in; none takes or starts jobs."""
        names = await self._read(read_queues)
        reason = "The instance is gone."
        return [
            Queue(name, enabled=False, started=False, disable_reason=reason, stop_reason=reason)
            for name in names
        ]

    async def changes(self) -> AsyncIterator[ChangeBatch]:
        """Yield the stored jobs, the sentinel, then what another service stores or removes."""
        jobs = await self._stream(partial(listing, max_jobs=self._max_jobs))
        known = await self._stream(partial(read_ids, after=jobs.after))
        yield [Resync()]
        async for batch in self._messages(known):
            yield batch
        yield [JournalMessage(JOBID_ANY, [])]
        written = jobs.written
        while True:
            await asyncio.sleep(_POLL_S)
            now = (await self._stream(partial(listing, max_jobs=self._max_jobs))).written
            if now == written:
                continue
            written = now
            found = await self._stream(partial(compare, after=jobs.after, known=known))
            known = found.ids
            if found.gone:
                yield [Purged(found.gone)]
            async for batch in self._messages(found.new):
                yield batch

    async def _messages(self, ids: Sequence[int]) -> AsyncIterator[ChangeBatch]:
        for start in range(0, len(ids), PAGE_JOBS):
            some = ids[start : start + PAGE_JOBS]
            yield list(await self._stream(partial(read_jobs, ids=some)))

    async def _stream(self, query: Callable[[sqlite3.Connection, int], T]) -> T:
        """Return the result of a query; a failure is the loss of the stream."""
        try:
            return await self._read(query)
        except HistoryUnavailable as error:
            raise InstanceUnavailable(error.detail) from None

    async def _read(self, query: Callable[[sqlite3.Connection, int], T]) -> T:
        past = self._past
        if past is None or self._is_closed:
            raise InstanceUnavailable("The history is not open.")
        return await self._reader.run(lambda database: query(database, past.key))


def read_queues(database: sqlite3.Connection, instance: int) -> list[str]:
    """Return the queues of the jobs of an instance; each step finds the next one in the index."""
    names: list[str] = []
    found = database.execute("SELECT min(queue) FROM jobs WHERE instance = ?", (instance,))
    while len(names) < _MAX_QUEUES:
        (name,) = found.fetchone()
        if not isinstance(name, str):
            return names  # A damaged row has bytes, which come after all texts.
        names.append(name)
        found = database.execute(
            "SELECT min(queue) FROM jobs WHERE instance = ? AND queue > ?", (instance, name)
        )
    return names

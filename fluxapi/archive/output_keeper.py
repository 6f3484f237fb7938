"""The task that stores the outputs of the jobs that have ended, as long as Flux has them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import time
from collections import deque
from functools import partial
from typing import Protocol

from fluxapi.errors import FluxapiError, InstanceUnavailable, NotFound
from fluxapi.instance.protocol import LookupKey, OutputSource
from fluxapi.process.timeout import within

from .catch_up import CatchUpTask
from .database import IS_ID
from .output_collector import collect_output
from .reader import ArchiveReader
from .source import Source
from .statements import EndedOutput
from .stored_output import OutputState, StoredOutput, pack_output
from .writer import MAX_QUEUED_BYTES, ArchiveWriter

__all__ = ["OutputKeeper", "Records"]

_log = logging.getLogger(__name__)

_READERS = 2
"""Outputs that are read from Flux simultaneously."""

_SHARE, _BUSY_SHARE = 1.0, 20.0
"""A reader pauses this many times as long as a read took, and longer while jobs end all the time: a
read costs about a tenth of what the job has cost Flux."""

_BUSY_S = 0.5
"""Time since the end of a job in which others are expected."""

_SLICE_JOBS = 500
_MAX_QUEUED_BYTES = MAX_QUEUED_BYTES // 4
"""Bytes in the queue of the writer beyond which outputs wait, so that jobs have room."""

_INLINE_BYTES = 4096
"""Size up to which an output is compressed on the event loop, in a tenth of a millisecond."""


class Records(OutputSource, Protocol):
    """An object that reads what Flux keeps of a job."""

    async def lookup(self, jobid: int, key: LookupKey) -> str:
        """See :meth:`fluxapi.instance.protocol.JobRecords.lookup`."""


class OutputKeeper(CatchUpTask):
    """A task that reads the outputs of stored jobs from Flux, and stores them.

    The recorder notes each job that it has stored. The history itself knows which jobs lack their
    output, so those that were not noted or not read are found there: after a start, a full queue,
    a lost instance and a full disk.
    """

    def __init__(
        self,
        source: Source,
        records: Records,
        writer: ArchiveWriter,
        reader: ArchiveReader,
        *,
        max_bytes: int,
    ) -> None:
        super().__init__("history of outputs", writer)
        self._source = source
        self._records = records
        self._reader = reader
        self._max_bytes = max_bytes
        self._hurried = asyncio.Event()
        self._noted_at = float("-inf")
        self._reading = 0
        self.note(None)

    def note(self, jobid: int | None) -> None:
        """Note a job that is stored, or is on its way to the database; ``None``: look for all."""
        if not self.is_wanted:
            return
        if jobid is not None:
            self._noted_at = self._loop.time()
        super().note(jobid)

    def hurry(self) -> None:
        """Read without pauses from now on, since the service is about to end."""
        self._hurried.set()

    def give_up(self) -> None:
        """Note that the instance is gone: the outputs that were not read are missed."""
        self._writer.lose_outputs(self._source)

    @property
    def is_wanted(self) -> bool:
        """Return whether any output is kept."""
        return self._max_bytes > 0

    @property
    def waiting(self) -> int:
        """Return the number of jobs that are noted or being read."""
        return len(self._noted) + self._reading

    async def _catch_up(self) -> bool:
        """Store what is missing; return false if it has to be tried again."""
        if self._writer.problem is not None:
            # `retry` is called when it is gone.
            self._noted.clear()
            return True
        try:
            # The history tells of those that are noted, too, once they are written.
            await self._read_each(self._noted)
            if self._compares_all:
                self._compares_all = False
                await self._compare()
            self._raise_failure()
        except InstanceUnavailable as error:
            _log.warning("outputs are not stored yet: %s", error.detail)
            return False
        except FluxapiError as error:
            _log.warning("outputs are not stored: %s", error.detail)
            return False
        return True

    async def _compare(self) -> None:
        """Read the outputs that the history lacks, slice by slice."""
        self._noted.clear()
        await self._flush()
        begin = after = self._after
        while True:
            rows = await self._reader.run(partial(_unread, instance=self._source.id, after=after))
            noted = frozenset(self._noted)
            ids = deque(jobid for _, jobid in rows if jobid not in noted)
            try:
                await self._read_each(ids)
            except InstanceUnavailable:
                self._after = rows[-len(ids) - 1][0]
                raise
            if len(rows) < _SLICE_JOBS:
                break
            after = rows[-1][0]
        self._after = -1
        if begin >= 0:
            self.note(None)  # The first ones come now.

    async def _read_each(self, ids: deque[int]) -> None:
        workers = [asyncio.ensure_future(self._work(ids)) for _ in range(min(_READERS, len(ids)))]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _work(self, ids: deque[int]) -> None:
        while ids:
            jobid = ids.popleft()
            began = time.perf_counter()
            self._reading += 1
            try:
                await self._store(jobid)
                self._answered()
            except InstanceUnavailable as error:
                self._pass_over(error)
            finally:
                self._reading -= 1
            if ids or self._noted:
                await self._pause((time.perf_counter() - began) * self._share)

    @property
    def _share(self) -> float:
        return _BUSY_SHARE if self._loop.time() - self._noted_at < _BUSY_S else _SHARE

    async def _pause(self, seconds: float) -> None:
        """Wait some seconds, unless the service is about to end."""
        with contextlib.suppress(asyncio.TimeoutError):
            await within(seconds, self._hurried.wait())

    async def _store(self, jobid: int) -> None:
        """Read the output of one job and hand it to the writer.

        Raises:
            InstanceUnavailable: Flux does not answer.
        """
        output = await self._read(jobid)
        if output is None:
            state, data = OutputState.MISSED, b""
            self._writer.outputs_missed += 1
        elif not output.head and not output.tail and not output.is_cut:
            state, data = OutputState.NONE, b""
        else:
            state = OutputState.CUT if output.is_cut else OutputState.STORED
            data = await self._packed(output)
        if self._writer.queued_bytes > _MAX_QUEUED_BYTES:
            await self._flush()
        if not self._writer.add_output(self._source, EndedOutput(jobid, state, data)):
            self._compares_all = True

    async def _read(self, jobid: int) -> StoredOutput | None:
        """Return the output of a job, ``None`` if Flux has it no more."""
        try:
            output, exists = await collect_output(self._records, jobid, self._max_bytes)
            if not exists:
                # A job that could not start has no output; one that was just purged neither.
                await self._records.lookup(jobid, "eventlog")
        except InstanceUnavailable:
            raise
        except NotFound:
            return None
        except FluxapiError as error:
            _log.warning("the output of a job cannot be read: %s", error.detail)
            return None
        return output

    async def _packed(self, output: StoredOutput) -> bytes:
        size = output.size
        if size <= _INLINE_BYTES:
            return pack_output(output)
        return await self._loop.run_in_executor(None, pack_output, output)


def _unread(database: sqlite3.Connection, instance: str, after: int) -> list[tuple[int, int]]:
    """Return keys and IDs of jobs whose output was not read, in the order of the keys."""
    return database.execute(
        "SELECT jobs.key, jobs.id FROM instances JOIN jobs ON jobs.instance = instances.key "  # noqa: S608 - constants
        f"WHERE instances.id = ? AND jobs.output = 0 AND jobs.key > ? AND {IS_ID} "
        "ORDER BY jobs.key LIMIT ?",
        (instance, after, _SLICE_JOBS),
    ).fetchall()

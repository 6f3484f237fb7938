"""The history of one service: its database, and the parts that write and read it."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fluxapi.errors import HistoryUnavailable
from fluxapi.process.client_shares import ClientShares
from fluxapi.process.client_turns import ClientTurns
from fluxapi.table.table import Table

from .database import FILE_NAME, IS_ID
from .gap_filler import GapFiller
from .limits import Limits
from .output_keeper import OutputKeeper, Records
from .reader import ArchiveReader
from .recorder import Recorder
from .source import Source
from .stored_records import StoredRecords
from .writer import ArchiveWriter

__all__ = ["Archive", "InstanceHistory"]

_log = logging.getLogger(__name__)

_MAX_PARQUET_EXPORTS = 8
"""Exports as Parquet at once; each keeps ten megabytes of rows until it writes them."""

_MAX_FIGURES_REQUESTS = 64
"""Requests for figures at once; each takes about a second of one thread for a million jobs."""


class Archive:
    """The database in a state directory, for all instances of a service.

    Attributes:
        writer, reader: Its connections.
        root: The ID of the root instance, once it is known.
        folder: The state directory.
        readonly: Nothing is stored.
    """

    def __init__(
        self, statedir: Path, limits: Limits | None = None, *, readonly: bool = False
    ) -> None:
        self.root = ""
        self.folder = statedir
        self.readonly = readonly
        self.limits = limits or Limits()
        self.writer = ArchiveWriter(statedir, self.limits)
        self.reader = ArchiveReader(statedir / FILE_NAME)
        self.figures_turn = ClientTurns(1, 1)
        """Is held while figures are computed, so that a thread is free for short queries."""
        self.figures_requests = ClientShares(_MAX_FIGURES_REQUESTS, 1)
        """Requests for figures of each client, the one that is computed and those that wait."""
        self.parquet_exports = ClientShares(_MAX_PARQUET_EXPORTS, 1)
        """Exports as Parquet of each client."""

    async def open(self) -> None:
        """Open the database; if that fails, :attr:`problem` says why, and it is tried again."""
        if not self.readonly:
            await asyncio.get_running_loop().run_in_executor(None, self.writer.start)

    async def close(self, timeout: Callable[[], float]) -> None:
        """Write what is queued within the seconds that *timeout* returns, and close."""
        writing = asyncio.get_running_loop().run_in_executor(None, self.writer.close, timeout())
        if not await writing:
            _log.warning(
                "the service ends before %d bytes of past jobs are written into the history; after "
                "the next start, it reads those that Flux still has",
                self.writer.queued_bytes,
            )
        await self.reader.aclose()

    @property
    def problem(self) -> str | None:
        """Return a sentence that says why nothing is stored now, or ``None``."""
        return self.writer.problem

    async def follow(self, source: Source, table: Table, records: Records) -> InstanceHistory:
        """Return what stores the jobs of an instance, whose journal is not read yet."""
        try:
            stored = await self.reader.run(lambda database: _stored(database, source.id))
        except HistoryUnavailable:
            stored = array("Q")
        keeper = OutputKeeper(
            source, records, self.writer, self.reader, max_bytes=self.limits.max_job_output
        )
        filler = GapFiller(source, table, records, self.writer, self.reader, on_stored=keeper.note)
        recorder = Recorder(
            source, table, self.writer, stored, on_stored=keeper.note, on_gap=filler.note
        )
        return InstanceHistory(recorder, filler, keeper)

    def records(self, instance: str) -> StoredRecords:
        """Return what reads the jobs that are stored of an instance with this ID."""
        return StoredRecords(self.reader, instance)


@dataclass(frozen=True)
class InstanceHistory:
    """The parts that store the jobs of one instance."""

    recorder: Recorder
    filler: GapFiller
    keeper: OutputKeeper

    @property
    def tasks(self) -> tuple[GapFiller | OutputKeeper, ...]:
        """Return the tasks that run while the instance is open."""
        return (self.filler, self.keeper) if self.keeper.is_wanted else (self.filler,)


def _stored(database: sqlite3.Connection, instance: str) -> array[int]:
    """Return the IDs of the stored jobs that an instance may have, in ascending order."""
    found = database.execute(
        "SELECT jobs.id FROM jobs JOIN instances ON instances.key = jobs.instance "  # noqa: S608 - constants
        f"WHERE instances.id = ? AND jobs.purged IS NULL AND {IS_ID} ORDER BY jobs.id",
        (instance,),
    )
    return array("Q", (jobid for (jobid,) in found))

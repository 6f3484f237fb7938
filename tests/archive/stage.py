"""A table, and the parts that store its jobs, which a test feeds with a journal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable

from fluxapi.archive.archive import Archive, InstanceHistory
from fluxapi.archive.ended_job import Detail, unpack
from fluxapi.archive.source import Source
from fluxapi.errors import JobNotFound, NotFound
from fluxapi.instance.protocol import Change, InstanceInfo, LookupKey
from fluxapi.model.eventlog import Event
from fluxapi.model.output import Last, OutputBatch, Tail
from fluxapi.table.table import Table

TIMEOUT = 60
INFO = InstanceInfo("flux", "0.88.0", "local:///run/flux", 1, "node0", 0, 1.0)


class Records:
    """The data that the instance has of its jobs; a job that is not in it is gone."""

    def __init__(self) -> None:
        self.texts: dict[tuple[int, str], str] = {}
        self.outputs: dict[int, list[Event]] = {}
        self.read: list[int] = []
        self.output_read: list[int] = []

    async def lookup(self, jobid: int, key: LookupKey) -> str:
        if key == "eventlog":
            self.read.append(jobid)
        if (jobid, "eventlog") not in self.texts:
            raise JobNotFound("It is gone.")
        if (jobid, key) not in self.texts:
            raise NotFound("It never had resources.")
        return self.texts[jobid, key]

    async def output(
        self, jobid: int, *, follow: bool = False, first: int = 0, last: Last | None = None
    ) -> AsyncIterator[OutputBatch]:
        assert not follow
        self.output_read.append(jobid)
        events = self.outputs.get(jobid)
        if events is None:
            raise JobNotFound("It is gone.")
        batch = OutputBatch(first, events[first:])
        if last is None:
            for at in range(0, len(events), 64):
                yield OutputBatch(at, events[at : at + 64])
            return
        tail = Tail(last)
        tail.take(batch)
        for part in tail.batches():
            yield part


class Stage:
    """One instance in front of a history."""

    def __init__(
        self, archive: Archive, history: InstanceHistory, table: Table, records: Records
    ) -> None:
        self.archive = archive
        self.history = history
        self.past = archive.records(history.recorder.source.id)
        self.table = table
        self.records = records

    @classmethod
    async def open(
        cls, archive: Archive, records: Records | None = None, name: str = "one"
    ) -> Stage:
        table, records = Table(), records or Records()
        source = Source(name, "", INFO)
        history = await archive.follow(source, table, records)
        for task in history.tasks:
            task.start()
        return cls(archive, history, table, records)

    def feed(self, batch: Iterable[Change]) -> None:
        changes = list(batch)
        self.history.recorder.take(changes, self.table.feed(changes))

    async def settle(self) -> None:
        """Return once everything is written, and nothing is known to be missing."""
        await asyncio.wait_for(self.history.filler.is_idle.wait(), TIMEOUT)
        await asyncio.wait_for(self.history.keeper.is_idle.wait(), TIMEOUT)
        await asyncio.to_thread(self.archive.writer.flush, TIMEOUT)

    async def aclose(self) -> None:
        for task in self.history.tasks:
            await task.aclose()

    async def details(self) -> dict[int, tuple[Detail, bool]]:
        """Return what is stored of each job, and whether it is exact."""
        rows = await self.archive.reader.run(
            lambda database: database.execute(
                "SELECT jobs.id, data, exact FROM jobs JOIN details ON job = jobs.key "
                "JOIN instances ON instances.key = instance WHERE instances.id = ?",
                (self.history.recorder.source.id,),
            ).fetchall()
        )
        return {jobid: (unpack(data), bool(exact)) for jobid, data, exact in rows}

    async def records_of(self) -> dict[int, bytes]:
        rows = await self.archive.reader.run(
            lambda database: database.execute("SELECT id, record FROM jobs").fetchall()
        )
        return dict(rows)

    async def purged(self) -> set[int]:
        rows = await self.archive.reader.run(
            lambda database: database.execute(
                "SELECT id FROM jobs WHERE purged IS NOT NULL"
            ).fetchall()
        )
        return {jobid for (jobid,) in rows}

"""Values of any type in any column of the history: a bad row costs no other row its place."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from pytest_aiohttp import AiohttpClient

from fluxapi.app import create_app
from fluxapi.archive.archive import Archive
from fluxapi.archive.database import FILE_NAME, connect
from fluxapi.archive.instance import ArchivedInstance
from fluxapi.archive.peers import Subject, compare
from fluxapi.archive.samples import Sample, thin
from fluxapi.model.eventlog import Event, JournalMessage, Resync
from fluxapi.model.jobid import JOBID_ANY, encode_f58
from fluxapi.service import choose_instance
from fluxapi.settings import Settings
from tests import recording
from tests.archive.conftest import archive
from tests.archive.stage import TIMEOUT, Stage
from tests.archive.test_recorder import ended, flux_records, inactive

__all__ = ["archive"]

Client = TestClient[Any, Any]

FIRST, SECOND = "f1" * 10, "5e" * 10
"""Two instances; the damaged rows are those of the first one."""

COLUMNS = {
    "jobs": (
        *("instance", "id", "t_submit", "t_run", "t_cleanup", "t_inactive", "result", "userid"),
        *("name", "queue", "group_id", "nodelist", "nnodes", "ncores", "purged", "record"),
        "output",
    ),
    "instances": (
        *("id", "path", "epoch", "kind", "hostname", "version", "owner", "size", "starttime"),
        *("last_seen", "root"),
    ),
    "nodelists": ("hosts",),
    "details": ("exact", "data"),
    "outputs": ("data",),
    "meta": ("value",),
    "samples": ("step", "time", "seconds", "pending", "nodes"),
}
KEYS = {"details": "job", "outputs": "job", "meta": "name", "samples": "time"}
VALUES: list[Any] = ["x", b"\xff", 1.5, 2**63 - 1]

OWN = {"jobs": ("id", "instance"), "instances": ("id",)}
"""Columns without which a row cannot be found itself."""

LISTS = (
    "/v1/jobs?instance=all&limit=1000",
    "/v1/jobs?history=1&limit=1000",
    "/v1/history/export?instance=all",
)
PATHS = (
    f"/v1/jobs?instance={SECOND}",
    "/v1/jobs?history=1&limit=2&page={cursor}",
    "/v1/jobs?instance=all&user=root",
    "/v1/jobs?instance=all&node=node0",
    "/v1/jobs?instance=all&name=*a*",
    "/v1/jobs?instance=all&text=sleep",
    "/v1/jobs?instance=all&since=1&until=99999999999",
    "/v1/history/export?instance=all&format=csv",
    *(
        f"/v1/history/figures?instance=all&since=0&by={by}"
        for by in ("name", "user", "queue", "result", "node")
    ),
    "/v1/history/figures?since=0",
    "/v1/history/instances",
    "/v1/nodes/node0/use?since=0",
    "/ui/history/jobs",
    "/v1/jobs/{id}/comparison",
    "/v1/jobs/{id}/output",
    "/v1/jobs/{id}/eventlog",
)


@contextmanager
def damaged(folder: Path, table: str, column: str, *values: Any) -> Iterator[None]:
    """Put values into the first rows of a table while the context lasts."""
    key = KEYS.get(table, "key")
    with closing(sqlite3.connect(folder / FILE_NAME, isolation_level=None)) as database:
        database.execute("PRAGMA foreign_keys = ON")
        select = f"SELECT {key}, {column} FROM {table} GROUP BY {key} LIMIT {len(values)}"  # noqa: S608
        rows = database.execute(select).fetchall()
        change = f"UPDATE OR REPLACE {table} SET {column} = ? WHERE {key} = ?"  # noqa: S608
        for value, (at, _) in zip(values, rows, strict=True):
            database.execute(change, (value, at))
        yield
        for value, (at, before) in zip(values, rows, strict=True):
            database.execute(change, (before, value if column == key else at))


def each(table: str) -> Iterator[tuple[str, Any]]:
    return ((column, value) for column in COLUMNS[table] for value in VALUES)


def groups(folder: Path, table: str) -> Iterator[tuple[str, list[Any]]]:
    """Return the columns of a table, and values for rows of which one at least stays sound."""
    key = KEYS.get(table, "key")
    with closing(sqlite3.connect(folder / FILE_NAME)) as database:
        count = f"SELECT count(DISTINCT {key}) FROM {table}"  # noqa: S608
        step = max(1, database.execute(count).fetchone()[0] - 1)
    for column in COLUMNS[table]:
        for first in range(0, len(VALUES), step):
            yield column, VALUES[first : first + step]


@pytest.fixture
async def filled(archive: Archive) -> Archive:
    for name in (FIRST, SECOND):
        records = flux_records()
        entry = {"stream": "stdout", "rank": "0", "data": "x\n"}
        records.outputs = {jobid: [Event(1.0, "data", entry)] for jobid in inactive()}
        stage = await Stage.open(archive, records, name)
        stage.feed([Resync(), *recording.backlog()])
        for at in range(3):
            sample = Sample(1.7e9 + at, 1.0, (1.0,) * 13)
            archive.writer.sample(stage.history.recorder.source, sample)
        await stage.settle()
        await stage.aclose()
    return archive


@pytest.fixture
async def client(filled: Archive, aiohttp_client: AiohttpClient) -> Client:
    settings = Settings(instance="archive", archive_instance=FIRST, statedir=filled.folder)
    return await aiohttp_client(create_app(settings, choose_instance(settings), stop=lambda: None))


@pytest.mark.slow
@pytest.mark.parametrize("table", COLUMNS)
async def test_a_bad_value_costs_no_other_row_its_place(
    client: Client, filled: Archive, table: str, caplog: pytest.LogCaptureFixture
) -> None:
    names = set(map(encode_f58, inactive()))
    last = max(inactive())
    for column, values in groups(filled.folder, table):
        with damaged(filled.folder, table, column, *values):
            for path in LISTS:
                answer = await client.get(path)
                text = await answer.text()
                found = {name for name in names if f'"id":"{name}"' in text}
                assert (answer.status, found) == (200, names), (column, values, path)
            for path in PATHS:
                answer = await client.get(path.format(id=encode_f58(last), cursor=f"{last:x}"))
                await answer.read()
                assert answer.status in {200, 404, 501}, (column, values, path)
        unexpected = [record for record in caplog.records if record.exc_info]
        assert not unexpected, (column, values)


@pytest.mark.slow
@pytest.mark.parametrize("table", COLUMNS)
async def test_the_jobs_of_a_past_instance_are_listed(filled: Archive, table: str) -> None:
    every = inactive()
    least = every - {min(every)}
    for column, value in each(table):
        is_own = column in OWN.get(table, ())
        chosen = SECOND if is_own and table == "instances" else FIRST
        with damaged(filled.folder, table, column, value):
            for instance in (
                ArchivedInstance(filled.folder, chosen),
                ArchivedInstance(filled.folder),
            ):
                await instance.start()
                found = {jobid async for jobid in listed(instance)}
                await instance.close()
                assert found >= (least if is_own else every), (column, value)


async def listed(instance: ArchivedInstance) -> AsyncIterator[int]:
    async for batch in instance.changes():
        for message in batch:
            if isinstance(message, JournalMessage):
                if message.id == JOBID_ANY:
                    return
                yield message.id


@pytest.mark.slow
@pytest.mark.parametrize("table", COLUMNS)
async def test_jobs_are_stored_on(
    filled: Archive, table: str, caplog: pytest.LogCaptureFixture
) -> None:
    jobid = max(inactive())
    for column, values in groups(filled.folder, table):
        with damaged(filled.folder, table, column, *values):
            again = Archive(filled.folder)
            await again.open()
            for name in (FIRST, SECOND):
                jobid += 1 << 24
                stage = await Stage.open(again, flux_records(), name)
                stage.feed([Resync(), *recording.backlog(), *ended(jobid)])
                await asyncio.wait_for(stage.settle(), TIMEOUT)
                assert jobid in await stage.records_of(), (column, values)
                await stage.aclose()
            await again.close(lambda: TIMEOUT)
        errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
        assert not errors, (column, values)


async def test_a_job_with_bad_times_is_no_peer(filled: Archive) -> None:
    with closing(connect(filled.folder / FILE_NAME)) as database:
        database.execute("UPDATE jobs SET name = 'a', t_run = 2, t_submit = 1, t_cleanup = 3")
        subject = Subject(0, "a", "", 1.0, 1.0, is_over=True)
        count = compare(database, FIRST, subject)["jobs"]
        database.execute("UPDATE jobs SET t_run = 'x' WHERE id = ?", (min(inactive()),))
        assert compare(database, FIRST, subject)["jobs"] == count - 1


async def test_bad_samples_are_averaged_with_no_other(filled: Archive) -> None:
    with closing(connect(filled.folder / FILE_NAME)) as database:
        for column, value in (("seconds", 0), ("seconds", "x"), ("time", "y"), ("pending", "x")):
            first = "SELECT min(time) FROM samples WHERE step = 0"
            database.execute(f"UPDATE samples SET {column} = ? WHERE time = ({first})", (value,))  # noqa: S608
        thin(database, 2e9)
        kept = database.execute("SELECT count(*) FROM samples WHERE step = 0").fetchone()
        assert kept == (1,)


async def test_records_that_are_damaged_are_listed_as_their_columns_say(filled: Archive) -> None:
    with closing(connect(filled.folder / FILE_NAME)) as database:
        database.execute("UPDATE jobs SET record = ?", (json.dumps({"id": 7}),))
        database.execute("UPDATE details SET data = 'x'")
    instance = ArchivedInstance(filled.folder, FIRST)
    await instance.start()
    assert {jobid async for jobid in listed(instance)} == inactive()
    await instance.close()

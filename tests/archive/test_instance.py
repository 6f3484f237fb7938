"""An instance that is gone: its jobs are read as they were, and nothing can be changed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from fluxapi.archive import instance as archived
from fluxapi.archive.archive import Archive
from fluxapi.archive.database import FILE_NAME, connect, open_database
from fluxapi.archive.instance import ArchivedInstance
from fluxapi.archive.migrations import SCRIPTS
from fluxapi.errors import FluxapiError, HistoryUnavailable, InstanceNotFound, NotFound
from fluxapi.instance.protocol import Instance
from fluxapi.model.eventlog import JournalMessage, Resync
from fluxapi.model.jobid import encode_f58
from fluxapi.model.output import Last
from fluxapi.table.table import Table
from tests import recording
from tests.table.test_table import SENTINEL, everything

from .stage import TIMEOUT, Records, Stage
from .test_outputs import EOF, HEADER, feed, wrote
from .test_recorder import ended, entries, flux_records, inactive

Open = Callable[..., Any]


@pytest.fixture
async def past(tmp_path: Path) -> AsyncIterator[Open]:
    """Return a function that opens the history of ``archive`` as another service does."""
    opened: list[ArchivedInstance] = []

    async def _open(**options: Any) -> ArchivedInstance:
        instance = ArchivedInstance(tmp_path / "state", **options)
        opened.append(instance)
        await instance.start()
        return instance

    yield _open
    for instance in opened:
        await instance.close()


async def store(archive: Archive, *messages: JournalMessage, name: str = "one") -> None:
    stage = await Stage.open(archive, flux_records(), name=name)
    stage.feed([Resync(), SENTINEL, *messages])
    await stage.settle()
    await stage.aclose()


async def listed(instance: Instance, table: Table | None = None) -> Table:
    """Return a table with the listing of an instance."""
    table = Table() if table is None else table
    async with aclosing(instance.changes()) as stream:  # type: ignore[type-var]
        async for batch in stream:
            table.feed(batch)
            if not table.replaying:
                break
    return table


async def test_the_table_holds_the_jobs_as_they_were(archive: Archive, past: Open) -> None:
    records = flux_records()
    for message in recording.backlog():
        for key, value in (("jobspec", message.jobspec), ("R", message.R)):
            if value is not None:
                records.texts[message.id, key] = json.dumps(value)
    stage = await Stage.open(archive, records)
    stage.feed([Resync(), *recording.backlog()])
    await stage.settle()
    await stage.aclose()
    instance = await past()
    expected = {jobid: job for jobid, job in recording.flux_jobs().items() if jobid in inactive()}
    assert everything(await listed(instance)) == expected
    eventlogs = recording.eventlogs()
    for jobid in inactive():
        log = await instance.lookup(jobid, "eventlog")
        assert entries(log.encode()) == eventlogs[encode_f58(jobid)]
        assert len(await instance.eventlog(jobid)) == len(eventlogs[encode_f58(jobid)])
    with_R = [jobid for jobid in inactive() if "ranks" in expected[jobid]]
    for jobid in with_R[:3]:
        assert json.loads(await instance.lookup(jobid, "R"))["version"] == 1


async def test_nothing_can_be_changed(archive: Archive, past: Open) -> None:
    await store(archive, *ended(1))
    instance = await past()
    refusals = [
        instance.raise_exception(1, "cancel", 0),
        instance.post_memo(1, {}),
        instance.kill(1, 15),
        instance.set_urgency(1, 3),
        instance.collect(1),
        instance.shutdown(),
        instance.resources(),
    ]
    results = await asyncio.gather(*refusals, return_exceptions=True)
    for refusal in results:
        assert isinstance(refusal, FluxapiError)
        assert "gone" in refusal.detail
    [result] = await instance.submit([None])
    assert isinstance(result, FluxapiError)


async def test_the_queues_are_those_of_the_jobs(archive: Archive, past: Open) -> None:
    await store(archive, *ended(1, queue="debug"), *ended(2), *ended(3, queue="batch"))
    queues = await (await past()).queues()
    assert [queue.name for queue in queues] == ["", "batch", "debug"]
    assert not any(queue.enabled or queue.started for queue in queues)


async def test_missing_data_is_reported(archive: Archive, past: Open) -> None:
    await store(archive, *ended(1))
    instance = await past()
    for jobid, key, words in (
        (1, "R", "no R"),
        (1, "guest.exec.eventlog", "job shell"),
        (2, "eventlog", "no job"),
        (1 << 63, "eventlog", "no job|damaged"),
    ):
        with pytest.raises(NotFound, match=words):
            await instance.lookup(jobid, key)


@pytest.mark.parametrize("data", [b"damaged", None])
async def test_a_job_without_an_eventlog_is_made_from_its_record(
    archive: Archive, past: Open, data: bytes | None, tmp_path: Path
) -> None:
    await store(archive, *recording.live())
    database = connect(tmp_path / "state" / FILE_NAME)
    if data is None:
        database.execute("DELETE FROM details")
    else:
        database.execute("UPDATE details SET data = ?", (data,))
    database.close()
    instance = await past()
    found = everything(await listed(instance))
    kept = (
        "state", "result", "status", "name", "t_submit", "t_run", "t_cleanup", "t_inactive",
        "runtime", "duration", "userid", "exception", "ntasks", "nnodes", "ncores", "ranks",
        "nodelist",
    )  # fmt: skip
    expected = recording.flux_jobs()
    assert set(found) == inactive()
    for jobid, record in found.items():
        for member in kept:
            assert record.get(member) == expected[jobid].get(member), (jobid, member)
    with pytest.raises(NotFound, match="damaged" if data else "no job"):
        await instance.lookup(min(found), "eventlog")


async def test_the_output_is_read_as_it_was(archive: Archive, past: Open) -> None:
    records = Records()
    records.outputs = {1: wrote("one\n", "two\n"), 2: [HEADER, EOF]}
    stage = await Stage.open(archive, records)
    await feed(stage, 1, 2, 3)
    await stage.aclose()
    instance = await past()

    async def output(jobid: int, **options: Any) -> list[str]:
        texts = []
        async for batch in instance.output(jobid, **options):
            texts += [str((entry.context or {}).get("data", entry.name)) for entry in batch]
        return texts

    assert await output(1) == ["header", "one\n", "two\n", "data"]
    assert await output(1, follow=True) == await output(1)
    assert await output(1, first=2) == ["two\n", "data"]
    assert await output(1, last=Last(1, lines=True)) == ["two\n", "data"]
    for jobid, words in ((3, "could not be read"), (4, "no job")):
        with pytest.raises(NotFound, match=words):
            await output(jobid)


async def test_a_table_takes_the_newest_jobs(archive: Archive, past: Open) -> None:
    await store(archive, *[message for jobid in range(1, 11) for message in ended(jobid)])
    table = await listed(await past(max_jobs=3))
    assert list(table.index.all) == [8, 9, 10]
    info = await ArchivedInstance(archive_folder(archive), max_jobs=3).start()
    assert "10 jobs; only the newest 3" in info.notice


def archive_folder(archive: Archive) -> Path:
    return archive.reader._path.parent


async def test_the_newest_instance_is_shown_unless_another_is_named(
    archive: Archive, past: Open
) -> None:
    await store(archive, *ended(1), name="first")
    await store(archive, *ended(2), name="second")
    assert list((await listed(await past())).index.all) == [2]
    assert list((await listed(await past(instance_id="first"[:4]))).index.all) == [1]
    for wrong in ("third", "f"):
        with pytest.raises(InstanceNotFound, match="fluxapi history instances"):
            await past(instance_id=wrong)


async def test_jobs_that_are_stored_and_removed_meanwhile_are_told_once(
    archive: Archive, past: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(archived, "_POLL_S", 0.01)
    await store(archive, *ended(1), *ended(2))
    instance, table = await past(), Table()
    async with aclosing(instance.changes()) as stream:
        async for batch in stream:
            changes = table.feed(batch)
            if not table.replaying and len(table) == 2:
                database = connect(tmp_path / "state" / FILE_NAME)
                database.execute("DELETE FROM jobs WHERE id = 2")
                database.close()
                await store(archive, *ended(3), name="other")
                await store(archive, *ended(1), *ended(4))
            if 4 in table:
                break
    assert list(table.index.all) == [1, 4]
    assert table[1].nevents == table[4].nevents == 3
    assert {posted.event.name for posted in changes.posted} == {"submit", "finish", "clean"}


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (str, "missing"),
        (lambda folder: (folder / FILE_NAME).write_bytes(b"no database" * 999), "not a database"),
        (lambda folder: connect(open_database(folder)).close(), "empty"),
        (lambda folder: version(folder, len(SCRIPTS) + 1), "later release"),
    ],
)
async def test_a_history_that_cannot_be_shown_is_a_sentence(
    tmp_path: Path, prepare: Callable[[Path], object], words: str
) -> None:
    prepare(tmp_path)
    instance = ArchivedInstance(tmp_path)
    with pytest.raises(HistoryUnavailable, match=words):
        await instance.start()
    await instance.close()


def version(folder: Path, number: int) -> None:
    database = connect(open_database(folder))
    database.execute(f"PRAGMA user_version = {number}")
    database.close()


async def test_a_database_of_an_earlier_release_is_brought_up_to_date(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).touch()
    instance = ArchivedInstance(tmp_path)
    with pytest.raises(HistoryUnavailable, match="empty"):
        await instance.start()
    await instance.close()


async def test_the_file_is_not_written(archive: Archive, past: Open, tmp_path: Path) -> None:
    await store(archive, *ended(1))
    await archive.close(lambda: TIMEOUT)
    before = (tmp_path / "state" / FILE_NAME).read_bytes()
    instance = await past()
    await listed(instance)
    await instance.ping()
    await instance.close()
    assert (tmp_path / "state" / FILE_NAME).read_bytes() == before

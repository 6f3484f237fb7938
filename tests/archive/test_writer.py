"""The writer: batches, a full or broken disk, a full queue, an end within its time."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fluxapi.archive import statements, writer
from fluxapi.archive.archive import Archive
from fluxapi.archive.database import FILE_NAME, check_readable, connect, open_database
from fluxapi.archive.migrations import SCRIPTS
from fluxapi.errors import HistoryUnavailable
from fluxapi.model.eventlog import Resync
from fluxapi.process.private_files import private_file
from tests.table.test_table import SENTINEL

from .stage import TIMEOUT, Records, Stage
from .test_recorder import ended


class Disk:
    """Has every write fail while it is ``full``."""

    def __init__(self, write: Callable[..., int]) -> None:
        self.full = False
        self.failures = asyncio.Event()
        self._write = write
        self._loop = asyncio.get_running_loop()

    def write(self, *arguments: Any) -> int:
        if self.full:
            self._loop.call_soon_threadsafe(self.failures.set)
            raise sqlite3.OperationalError("database or disk is full")
        return self._write(*arguments)


@pytest.fixture
async def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk(statements.write)
    monkeypatch.setattr(writer, "write", disk.write)
    monkeypatch.setattr(writer, "_RETRY_S", 0.01)
    return disk


def known(*ids: int) -> Records:
    records = Records()
    for jobid in ids:
        records.texts[jobid, "eventlog"] = '{"timestamp":1.0,"name":"submit","context":{}}\n'
    return records


def problem(archive: Archive) -> str | None:
    return archive.problem


async def test_a_full_disk_is_reported_and_filled_in_later(archive: Archive, disk: Disk) -> None:
    stage = await Stage.open(archive, known(2, 3))
    stage.feed([Resync(), SENTINEL, *ended(1)])
    await stage.settle()
    disk.full = True
    stage.feed([*ended(2)])
    await asyncio.wait_for(disk.failures.wait(), TIMEOUT)
    await asyncio.to_thread(archive.writer.flush, TIMEOUT)
    assert problem(archive) == "The history cannot be written: database or disk is full."
    stage.feed([*ended(3)])
    assert set(await stage.details()) == {1}
    disk.full = False
    while set(await stage.details()) != {1, 2, 3}:
        await stage.settle()
    assert problem(archive) is None
    await stage.aclose()


async def test_a_flush_does_not_wait_for_more_jobs(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_GATHER_S", 2 * TIMEOUT)
    stage = await Stage.open(archive)
    stage.feed([Resync(), SENTINEL, *ended(1)])
    assert await asyncio.to_thread(archive.writer.flush, TIMEOUT)
    assert set(await stage.details()) == {1}
    await stage.aclose()


@pytest.mark.usefixtures("short_intervals")
async def test_a_full_queue_is_filled_in_later(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "MAX_QUEUED_BYTES", 1)
    stage = await Stage.open(archive, known(1, 2, 3, 4))
    stage.feed([Resync(), SENTINEL, *ended(1), *ended(2), *ended(3), *ended(4)])
    assert archive.writer.refused == 3
    while set(await stage.details()) != {1, 2, 3, 4}:
        await stage.settle()
    await stage.aclose()


async def test_a_file_that_is_no_database_is_a_problem_and_no_failure(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"not a database, but long enough to look like one" * 99)
    archive = Archive(tmp_path)
    await archive.open()
    assert archive.problem is not None
    assert "file is not a database" in archive.problem
    assert "--no-history" in archive.problem
    stage = await Stage.open(archive)
    stage.feed([Resync(), SENTINEL, *ended(1)])
    await archive.close(lambda: TIMEOUT)
    await stage.aclose()


@pytest.mark.parametrize("name", [FILE_NAME, f"{FILE_NAME}-wal"])
def test_a_link_is_not_followed(tmp_path: Path, name: str) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"")
    other.chmod(0o644)
    state = tmp_path / "state"
    state.mkdir()
    (state / name).symlink_to(other)
    with pytest.raises(HistoryUnavailable, match="not a regular file"):
        open_database(state)
    assert other.stat().st_mode & 0o777 == 0o644


def test_a_database_of_a_later_release_is_left_alone(tmp_path: Path) -> None:
    database = connect(open_database(tmp_path))
    database.execute(f"PRAGMA user_version = {len(SCRIPTS) + 1}")
    database.close()
    with pytest.raises(HistoryUnavailable, match="later release"):
        open_database(tmp_path)


@pytest.mark.parametrize("version", [-1, -100])
def test_a_database_with_a_version_below_zero_is_damaged(tmp_path: Path, version: int) -> None:
    database = connect(open_database(tmp_path))
    database.execute(f"PRAGMA user_version = {version}")
    database.close()
    for use in (open_database, check_readable):
        with pytest.raises(HistoryUnavailable, match=f"version of its tables is {version}"):
            use(tmp_path)


def test_two_services_may_create_it_at_the_same_time(tmp_path: Path) -> None:
    first = connect(open_database(tmp_path))
    second = connect(open_database(tmp_path))
    assert first.execute("SELECT count(*) FROM jobs").fetchone() == (0,)
    assert second.execute("SELECT count(*) FROM jobs").fetchone() == (0,)
    first.close()
    second.close()


def test_opening_it_again_keeps_the_locks_of_this_process(tmp_path: Path) -> None:
    # A file that is closed ends all locks of its process, and SQLite would lose its own.
    first = connect(open_database(tmp_path))
    first.execute("BEGIN IMMEDIATE")
    first.execute("INSERT INTO meta VALUES ('written', 1)")
    for suffix in ("", "-wal", "-shm"):
        private_file(tmp_path / f"{FILE_NAME}{suffix}")
    code = (
        "import sqlite3, sys; d = sqlite3.connect(sys.argv[1], timeout=0)\n"
        "try: d.execute('BEGIN IMMEDIATE')\n"
        "except sqlite3.OperationalError as error: print(error)"
    )
    assert run_python(code, str(tmp_path / FILE_NAME)) == "database is locked"
    first.execute("ROLLBACK")
    first.close()


def run_python(code: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()

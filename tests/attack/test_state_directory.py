"""The state directory of the embedded instance, as other users of the machine see it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fluxapi.errors import InstanceUnavailable, SettingsError
from fluxapi.instance.embedded.store import Store
from fluxapi.security.tokens import TokenStore
from fluxapi.webhooks.store import SqliteStore


def modes(folder: Path) -> dict[str, int]:
    paths = [folder, *folder.rglob("*")]
    return {str(path.relative_to(folder)): path.stat().st_mode & 0o777 for path in paths}


@pytest.mark.parametrize("existed", [False, True])
async def test_no_other_user_reads_the_state(tmp_path: Path, existed: bool) -> None:
    folder = tmp_path / "state"
    before = os.umask(0)
    try:
        if existed:
            folder.mkdir(mode=0o777)
            for name in ("jobs.sqlite", "lock"):
                (folder / name).touch(mode=0o666)
        store = Store(folder)
        await store.open()
        await store.save([])
        found = modes(folder)
        await store.close()
    finally:
        os.umask(before)
    assert {found.pop("."), found.pop("output")} == {0o700}
    assert found.keys() >= {"jobs.sqlite", "lock"}
    assert set(found.values()) == {0o600}


async def test_locks_on_other_files_of_the_directory_stay(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as history:
        history.execute("CREATE TABLE jobs (id)")
        path.chmod(0o644)
        history.execute("BEGIN EXCLUSIVE")
        store = Store(tmp_path)
        await store.open()
        await store.close()
        # A lock is that of a process, so only another one notices that it has ended.
        program = [sys.executable, "-c", WRITE, str(path)]
        other = await asyncio.to_thread(
            subprocess.run, program, capture_output=True, text=True, check=False
        )
        history.execute("COMMIT")
    assert "database is locked" in other.stderr
    assert path.stat().st_mode & 0o777 == 0o600


WRITE = """
import sqlite3, sys
sqlite3.connect(sys.argv[1], timeout=0).execute("INSERT INTO jobs VALUES (1)")
"""


async def test_a_file_that_vanishes_while_modes_are_set_stops_no_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_symlink = Path.is_symlink

    def vanish(path: Path) -> bool:
        found = is_symlink(path)
        if path.name == "history.db-shm":
            path.unlink()
        return found

    (tmp_path / "history.db-shm").touch()
    monkeypatch.setattr(Path, "is_symlink", vanish)
    store = Store(tmp_path)
    await store.open()
    await store.close()
    assert not (tmp_path / "history.db-shm").exists()


SOMETHING_ELSE: dict[str, Callable[[Path, Path], object]] = {
    "link": lambda path, target: path.symlink_to(target),
    "fifo": lambda path, _: os.mkfifo(path),
    "socket": lambda path, _: os.mknod(path, stat.S_IFSOCK | 0o600),
}


@pytest.mark.parametrize("kind", SOMETHING_ELSE)
@pytest.mark.parametrize("name", ["lock", "output", "jobs.sqlite", "jobs.sqlite-wal"])
async def test_something_else_in_place_of_a_file_is_refused(
    tmp_path: Path, name: str, kind: str
) -> None:
    folder, target = tmp_path / "state", tmp_path / "target"
    folder.mkdir()
    if name == "output":
        target.mkdir()
    else:
        target.touch()
    target.chmod(0o755)
    SOMETHING_ELSE[kind](folder / name, target)
    store = Store(folder)
    with pytest.raises(InstanceUnavailable, match=f"cannot be used: .*{name}"):
        await store.open()
    await store.close()
    assert target.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("kind", SOMETHING_ELSE)
async def test_something_else_in_place_of_the_lock_of_the_tokens_is_refused(
    tmp_path: Path, kind: str
) -> None:
    SOMETHING_ELSE[kind](tmp_path / "tokens.lock", tmp_path / "target")
    with pytest.raises(SettingsError, match="cannot be used"):
        await TokenStore(tmp_path / "tokens.json").open()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory to another user")
async def test_a_directory_of_another_user_is_refused(tmp_path: Path) -> None:
    os.chown(tmp_path, 54321, -1)
    store = Store(tmp_path)
    with pytest.raises(InstanceUnavailable, match="belongs to user 54321"):
        await store.open()
    await store.close()


@pytest.mark.parametrize("kind", ["jobs", "webhooks"])
async def test_no_memory_is_shared_through_a_file_that_a_job_could_shorten(
    tmp_path: Path, kind: str
) -> None:
    store = Store(tmp_path) if kind == "jobs" else SqliteStore(tmp_path)
    await store.open()
    if isinstance(store, Store):
        await store.save([])
    else:
        await store.begin("an instance")
    found = modes(tmp_path)
    await store.close()
    assert any(name.endswith("-wal") for name in found)
    assert not any(name.endswith("-shm") for name in found)

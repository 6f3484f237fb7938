"""The state directory of the embedded instance, as other users of the machine see it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from fluxapi.errors import InstanceUnavailable, SettingsError
from fluxapi.instance.embedded.store import Store
from fluxapi.security.tokens import TokenStore


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

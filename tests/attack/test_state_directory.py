"""The state directory of the embedded instance, as other users of the machine see it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fluxapi.errors import InstanceUnavailable
from fluxapi.instance.embedded.store import Store


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


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory to another user")
async def test_a_directory_of_another_user_is_refused(tmp_path: Path) -> None:
    os.chown(tmp_path, 54321, -1)
    store = Store(tmp_path)
    with pytest.raises(InstanceUnavailable, match="belongs to user 54321"):
        await store.open()
    await store.close()

"""Databases that are removed or replaced while the service runs: nothing more counts as stored."""

from __future__ import annotations

from pathlib import Path

import pytest

from fluxapi.errors import InstanceUnavailable, NotStored
from fluxapi.instance.embedded.output import OutputLog
from fluxapi.instance.embedded.spool import _append
from fluxapi.instance.embedded.store import Row, Store
from fluxapi.webhooks.port import Changeset
from fluxapi.webhooks.store import SqliteStore

ROW = Row(1, True, 1.0, b"{}", b"", None, None, 0)


@pytest.mark.parametrize("is_replaced", [False, True])
async def test_jobs_are_refused_until_the_file_is_back(tmp_path: Path, is_replaced: bool) -> None:
    store = Store(tmp_path)
    await store.open()
    path, moved = tmp_path / "jobs.sqlite", tmp_path / "moved"
    path.rename(moved)
    if is_replaced:
        path.write_bytes(moved.read_bytes())
    with pytest.raises(InstanceUnavailable, match="removed or replaced"):
        await store.save([ROW])
    moved.replace(path)
    await store.save([ROW])
    assert [row.id for row in await store.load()] == [1]
    await store.close()


async def test_webhooks_are_refused_until_the_file_is_back(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    await store.open()
    path, moved = tmp_path / "webhooks.db", tmp_path / "moved"
    path.rename(moved)
    with pytest.raises(NotStored, match="removed or replaced"):
        await store.commit(Changeset(cursor=1.0))
    moved.rename(path)
    await store.commit(Changeset(cursor=1.0))
    await store.close()


def test_the_folder_of_outputs_is_created_again(tmp_path: Path) -> None:
    path = tmp_path / "output" / "1.jsonl"
    assert not _append([(OutputLog(path, 0), path, b"{}\n")])
    assert path.read_bytes() == b"{}\n"
    assert path.parent.stat().st_mode & 0o777 == 0o700

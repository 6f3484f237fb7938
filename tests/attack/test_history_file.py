"""The file of the history is removed or replaced while the service runs."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest

from fluxapi.archive import writer
from fluxapi.archive.archive import Archive
from fluxapi.archive.database import FILE_NAME, connect, open_database
from fluxapi.archive.reader import ArchiveReader
from fluxapi.errors import HistoryUnavailable
from fluxapi.model.eventlog import Resync
from tests.archive.conftest import archive
from tests.archive.stage import Stage
from tests.archive.test_recorder import ended
from tests.archive.test_writer import known
from tests.table.test_table import SENTINEL
from tests.waiting import poll_until

__all__ = ["archive"]


@pytest.mark.parametrize("is_replaced", [False, True])
async def test_a_file_that_is_gone_is_reported_and_begun_anew(
    archive: Archive,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_replaced: bool,
) -> None:
    monkeypatch.setattr(writer, "_RETRY_S", 0.01)
    stage = await Stage.open(archive, known(1, 2))
    stage.feed([Resync(), SENTINEL, *ended(1)])
    await stage.settle()
    assert set(await stage.details()) == {1}
    for file in archive.folder.glob(f"{FILE_NAME}*"):
        file.unlink()
    if is_replaced:
        open_database(archive.folder)
    stage.feed(ended(2))
    # Other connections read the file that has this name now.
    await poll_until(lambda: _has(archive, {1, 2}))
    assert "removed or replaced" in caplog.text
    await stage.aclose()


async def test_a_named_pipe_in_its_place_is_not_waited_for(tmp_path: Path) -> None:
    # No archive is open here: its writer begins a missing file anew at any moment.
    path = tmp_path / FILE_NAME
    os.mkfifo(path)
    reader = ArchiveReader(path)

    def query(database: sqlite3.Connection) -> None:
        database.execute("SELECT 1")

    # Each of the threads must be free again.
    for _ in range(4):
        with pytest.raises(HistoryUnavailable, match="not a regular file"):
            await asyncio.wait_for(reader.run(query), 30)
    await reader.aclose()


async def _has(archive: Archive, ids: set[int]) -> bool:
    with suppress(sqlite3.Error), closing(connect(archive.folder / FILE_NAME)) as database:
        return {jobid for (jobid,) in database.execute("SELECT id FROM jobs")} == ids
    return False

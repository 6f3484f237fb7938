"""Jobs and instances that no database can store: they cost no other job."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from fluxapi.archive import statements, writer
from fluxapi.archive.archive import Archive
from fluxapi.archive.samples import FIGURES, Sample
from fluxapi.archive.source import Source
from fluxapi.archive.statements import EndedOutput
from fluxapi.archive.stored_output import OutputState
from fluxapi.model.eventlog import Purged, Resync
from tests.archive.conftest import archive, stage
from tests.archive.past_jobs import Past
from tests.archive.stage import INFO, TIMEOUT, Stage
from tests.archive.test_recorder import ended
from tests.table.test_table import SENTINEL, submit
from tests.waiting import block_until

__all__ = ["archive", "stage"]

TOO_LARGE = 1 << 63


async def stored(archive: Archive) -> set[int]:
    await asyncio.to_thread(archive.writer.flush, TIMEOUT)
    rows = await archive.reader.run(
        lambda database: database.execute("SELECT id FROM jobs").fetchall()
    )
    return {jobid for (jobid,) in rows}


async def test_a_purged_job_with_an_id_that_is_too_large(stage: Stage) -> None:
    stage.feed([Resync(), SENTINEL, *ended(1), submit(TOO_LARGE), Purged([TOO_LARGE, 1])])
    stage.feed(ended(2))
    await stage.settle()
    assert await stage.purged() == {1}
    assert set(await stage.details()) == {1, 2}


@pytest.mark.parametrize(
    "item",
    [
        EndedOutput(TOO_LARGE, OutputState.NONE, b""),
        Sample(1.0, 1.0, (1 << 70,) * len(FIGURES)),
    ],
)
async def test_an_item_that_no_database_takes_costs_no_other(stage: Stage, item: Any) -> None:
    stage.feed([Resync(), SENTINEL, *ended(1)])
    await stage.settle()
    source, archive = stage.history.recorder.source, stage.archive
    assert archive.writer._put(source, item)
    stage.feed(ended(2))
    assert await stored(archive) == {1, 2}
    assert archive.problem is None


@pytest.mark.parametrize(
    "info",
    [
        replace(INFO, size=1 << 70),
        replace(INFO, hostname="\ud800"),
        replace(INFO, owner=-(1 << 70)),
    ],
)
async def test_an_instance_that_no_database_takes_costs_no_other(
    stage: Stage, archive: Archive, info: Any
) -> None:
    assert archive.writer.add(Source("f" * 20, "f1", info), Past(7, 10.0).ended_job)
    stage.feed([Resync(), SENTINEL, *ended(1)])
    assert await stored(archive) == {1}
    assert archive.writer.refused == 1


@pytest.mark.usefixtures("short_intervals")
async def test_a_failure_of_any_kind_is_reported_and_tried_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fails = True

    def write(*arguments: Any) -> int:
        if fails:
            raise LookupError("unexpected")
        return statements.write(*arguments)

    monkeypatch.setattr(writer, "write", write)
    monkeypatch.setattr(writer, "_RETRY_S", 0.01)
    stage.archive.writer.purge(stage.history.recorder.source, [1], 1.0)
    await asyncio.to_thread(block_until, lambda: stage.archive.problem is not None)
    assert "unexpected" in caplog.text
    fails = False
    await asyncio.to_thread(block_until, lambda: stage.archive.problem is None)
    stage.feed([Resync(), SENTINEL, *ended(1)])
    await stage.settle()
    assert await stored(stage.archive) == {1}

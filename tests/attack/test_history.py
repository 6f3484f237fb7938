"""Data of jobs that the history keeps, which their owners can write as they like."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from fluxapi.archive.archive import Archive
from fluxapi.archive.ended_job import Detail, unpack
from fluxapi.archive.statements import _note
from fluxapi.archive.stored_records import StoredRecords
from fluxapi.model.eventlog import Resync
from tests.archive.conftest import archive
from tests.archive.stage import Records, Stage
from tests.table.test_table import SENTINEL, event, submit

__all__ = ["archive"]

JOB = 7
EVENTLOG = """{"timestamp":1.0,"name":"submit","context":{"userid":0,"urgency":16,"version":1}}
{"timestamp":"x","name":7}
no JSON
{"timestamp":2.0,"name":"exception","context":{"type":"exec","severity":0,"note":"lost"}}
{"timestamp":3.0,"name":"memo","context":{"a":%s}}
{"timestamp":4.0,"name":"clean"}
""" % ("[" * 5000)


async def stored(archive: Archive) -> Stage:
    """Return a history with a job whose eventlog was read from Flux."""
    records = Records()
    records.texts[JOB, "eventlog"] = EVENTLOG
    stage = await Stage.open(archive, records)
    stage.feed([Resync(), submit(JOB), event(JOB, "memo", a=1), event(JOB, "clean"), SENTINEL])
    await stage.settle()
    return stage


def stored_of(stage: Stage) -> StoredRecords:
    return StoredRecords(stage.archive.reader, stage.history.recorder.source.id)


async def test_lines_that_are_no_events_cost_no_other_line(archive: Archive) -> None:
    stage = await stored(archive)
    found = await stored_of(stage).eventlog(JOB)
    assert [it.name for it in found] == ["submit", "exception", "clean"]
    assert await stored_of(stage).lookup(JOB, "eventlog") == EVENTLOG
    assert _note(Detail(EVENTLOG.encode())) == "exec: lost"
    await stage.history.filler.aclose()


async def test_details_are_decompressed_in_a_thread(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A job may have three megabytes, and hundreds of viewers may ask for it.
    stage = await stored(archive)
    threads: list[threading.Thread] = []

    def noted(data: bytes) -> Any:
        threads.append(threading.current_thread())
        return unpack(data)

    monkeypatch.setattr("fluxapi.archive.stored_records.unpack", noted)
    await stored_of(stage).eventlog(JOB)
    assert threads
    assert threading.main_thread() not in threads
    await stage.history.filler.aclose()

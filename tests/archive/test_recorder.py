"""Each job that ends in the journal is stored once, as Flux has it."""

from __future__ import annotations

import functools
import json
import os
import stat
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fluxapi.archive import catch_up, gap_filler, recorder
from fluxapi.archive.archive import Archive
from fluxapi.archive.query import Range
from fluxapi.errors import InstanceUnavailable
from fluxapi.instance.protocol import LookupKey
from fluxapi.model.eventlog import Event, JournalMessage, Purged, Resync, decode_journal
from fluxapi.model.jobid import encode_f58
from fluxapi.table.query import JobQuery
from tests import recording
from tests.table.test_table import SENTINEL, event, submit

from .stage import Records, Stage


def ended(jobid: int, *between: JournalMessage, **options: Any) -> list[JournalMessage]:
    return [
        submit(jobid, **options),
        *between,
        event(jobid, "finish", status=0),
        event(jobid, "clean"),
    ]


def entries(eventlog: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in eventlog.splitlines()]


@functools.cache
def inactive() -> frozenset[int]:
    return frozenset(
        jobid for jobid, job in recording.flux_jobs().items() if job["state"] == "INACTIVE"
    )


def flux_records() -> Records:
    """Return the eventlogs of a real Flux, in which the backlog of the journal differs.

    There, a memo changes the annotations in the alloc event, too.
    """
    records, logs = Records(), recording.eventlogs()
    for jobid in inactive():
        log = logs[encode_f58(jobid)]
        records.texts[jobid, "eventlog"] = "".join(json.dumps(entry) + "\n" for entry in log)
    return records


@pytest.mark.parametrize("piece", [1, 7, 1000])
@pytest.mark.parametrize("source", ["live", "backlog"])
async def test_it_stores_what_flux_has_of_the_jobs(
    archive: Archive, source: str, piece: int
) -> None:
    stage = await Stage.open(archive, flux_records())
    messages = getattr(recording, source)()
    if source == "backlog":
        stage.feed([Resync()])
    else:
        stage.feed([Resync(), SENTINEL])
    for start in range(0, len(messages), piece):
        stage.feed(messages[start : start + piece])
    await stage.settle()
    details, eventlogs = await stage.details(), recording.eventlogs()
    assert set(details) == inactive()
    for jobid, (detail, exact) in details.items():
        assert exact
        assert entries(detail.eventlog) == eventlogs[encode_f58(jobid)]
    with_memos = {
        jobid
        for jobid in inactive()
        if any(entry["name"] == "memo" for entry in eventlogs[encode_f58(jobid)])
    }
    assert set(stage.records.read) == with_memos != set()
    assert all(json.loads(details[jobid][0].jobspec)["tasks"] for jobid in inactive() - with_memos)
    assert {jobid: json.loads(record) for jobid, record in (await stage.records_of()).items()} == {
        jobid: json.loads(stage.table.encode(jobid)) for jobid in inactive()
    }
    await stage.aclose()


async def test_a_job_is_stored_once(archive: Archive) -> None:
    for _ in range(2):
        stage = await Stage.open(archive)
        stage.feed([Resync(), *recording.backlog()])
        await stage.settle()
        stage.feed([Resync(), *recording.backlog()])
        await stage.settle()
        await stage.aclose()
    assert len(await stage.records_of()) == archive.writer.written == len(inactive())


async def test_two_instances_keep_their_jobs_apart(archive: Archive) -> None:
    for name in ("one", "two"):
        stage = await Stage.open(archive, name=name)
        stage.feed([Resync(), SENTINEL, *ended(7, name=name)])
        await stage.settle()
        assert set(await stage.details()) == {7}
        await stage.aclose()
    assert archive.writer.written == 2


async def test_a_purged_job_stays_and_is_marked(stage: Stage) -> None:
    stage.feed([Resync(), SENTINEL, *ended(1), *ended(2), *ended(3)])
    await stage.settle()
    stage.feed([Purged([2])])
    await stage.settle()
    assert await stage.purged() == {2}
    assert set(await stage.details()) == {1, 2, 3}


async def test_a_job_that_is_purged_in_the_batch_that_ends_it_is_stored(stage: Stage) -> None:
    stage.feed([Resync(), SENTINEL, *ended(1, name="short"), Purged([1])])
    await stage.settle()
    record = json.loads((await stage.records_of())[1])
    assert (record["name"], record["result"]) == ("short", "COMPLETED")
    assert await stage.purged() == {1}


@pytest.mark.parametrize("later", [2, (1 << 62) + 2])
async def test_a_job_that_was_purged_meanwhile_is_marked_at_the_next_start(
    archive: Archive, later: int
) -> None:
    # The IDs of an instance are so large after nine years.
    gone = later - 1
    stage = await Stage.open(archive)
    stage.feed([Resync(), SENTINEL, *ended(gone), *ended(1 << 20)])
    await stage.settle()
    await stage.aclose()
    again = await Stage.open(archive)
    again.feed([Resync(), *ended(1 << 20), SENTINEL])
    await again.settle()
    assert await again.purged() == {gone}
    await again.aclose()


async def test_an_invalid_job_is_not_stored(stage: Stage) -> None:
    stage.feed([Resync(), SENTINEL, submit(1), event(1, "invalidate"), *ended(2)])
    await stage.settle()
    assert set(await stage.details()) == {2}


async def test_a_job_with_memos_is_read_from_flux(archive: Archive) -> None:
    records = Records()
    secret = {"environment": {"TOKEN": "secret"}, "cwd": "/work"}
    records.texts[1, "eventlog"] = '{"timestamp":1.0,"name":"submit","context":{}}\n'
    records.texts[1, "jobspec"] = json.dumps({"attributes": {"system": secret}})
    stage = await Stage.open(archive, records)
    memo = event(1, "memo", uri="local:///run")
    stage.feed([Resync(), SENTINEL, *ended(1, memo), *ended(2)])
    await stage.settle()
    detail, exact = (await stage.details())[1]
    assert exact
    assert detail.eventlog.decode() == records.texts[1, "eventlog"]
    assert json.loads(detail.jobspec) == {"attributes": {"system": {"cwd": "/work"}}}
    assert records.read == [1]
    await stage.aclose()


@pytest.mark.parametrize("more", ["x" * 200_000, [1] * 300_000], ids=["large", "wide"])
async def test_a_large_jobspec_is_read_from_flux(archive: Archive, more: object) -> None:
    spec = {
        "attributes": {"system": {"cwd": "/work", "files": {"a": more}}},
        "tasks": [{"command": ["analyze", "--deeply"]}],
        "version": 1,
    }
    records = Records()
    records.texts[1, "eventlog"] = '{"timestamp":1.0,"name":"submit","context":{}}\n'
    records.texts[1, "jobspec"] = json.dumps(spec)
    stage = await Stage.open(archive, records)
    submitted = submit(1)
    submitted.jobspec = spec
    large = decode_journal(msgspec.json.encode(submitted))
    stage.feed([Resync(), SENTINEL, large, *ended(1)[1:], *ended(2)])
    await stage.settle()
    detail, exact = (await stage.details())[1]
    assert exact
    assert json.loads(detail.jobspec) == spec
    assert records.read == [1]
    place = Range(stage.history.recorder.source.id)
    found = await stage.past.select(JobQuery(text="deeply"), place, limit=9)
    assert [job.id for job in found] == [1]
    await stage.aclose()


async def test_the_events_of_one_job_have_a_limit(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "MAX_EVENTLOG_BYTES", 2000)
    memos = [event(1, "memo", note="x" * 500) for _ in range(100)]
    stage.feed([Resync(), SENTINEL, *ended(1, *memos), *ended(2)])
    await stage.settle()
    detail, exact = (await stage.details())[1]
    assert len(detail.eventlog) < 3000
    assert not exact


async def test_active_jobs_take_bounded_memory_and_are_read_from_flux(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "_MAX_COLLECTED_BYTES", 1000)
    records = Records()
    for jobid in range(1, 9):
        records.texts[jobid, "eventlog"] = '{"timestamp":1.0,"name":"submit","context":{}}\n'
    stage = await Stage.open(archive, records)
    stage.feed([Resync(), SENTINEL, *[submit(jobid) for jobid in range(1, 9)]])
    for jobid in range(1, 9):
        stage.feed(ended(jobid)[1:])
    await stage.settle()
    assert set(await stage.details()) == set(range(1, 9))
    assert records.read
    await stage.aclose()


@pytest.mark.parametrize("slice_jobs", [2, 500])
async def test_jobs_that_flux_does_not_answer_for_cost_no_other_job(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, slice_jobs: int
) -> None:
    monkeypatch.setattr(gap_filler, "_SLICE_JOBS", slice_jobs)
    monkeypatch.setattr(catch_up, "_RETRY_S", 0.01)
    records, silent, others = Records(), set(range(1, 15)), set(range(15, 22))
    for jobid in silent | others:
        records.texts[jobid, "eventlog"] = '{"timestamp":1.0,"name":"submit","context":{}}\n'
    look_up = records.lookup

    async def lookup(jobid: int, key: LookupKey) -> str:
        if jobid in silent and not others <= set(records.read):
            raise InstanceUnavailable("It does not answer.")
        return await look_up(jobid, key)

    monkeypatch.setattr(records, "lookup", lookup)
    stage = await Stage.open(archive, records)
    jobs = [ended(jobid, event(jobid, "memo", uri="local:///run")) for jobid in silent | others]
    stage.feed([Resync(), *(message for job in jobs for message in job), SENTINEL])
    await stage.settle()
    exact = {jobid for jobid, (_, exact) in (await stage.details()).items() if exact}
    assert exact == silent | others
    await stage.aclose()


async def test_a_job_in_no_form_that_a_database_takes_costs_no_other_job(stage: Stage) -> None:
    stage.feed([Resync(), SENTINEL, *ended(1), *ended(1 << 63), *ended(2)])
    await stage.settle()
    assert set(await stage.details()) == {1, 2}
    assert stage.archive.writer.refused == 1


async def test_events_of_any_form_are_taken(stage: Stage) -> None:
    stage.feed([Resync(), SENTINEL, submit(1)])
    odd = JournalMessage(1, [Event(-1.0, "x" * 999, {"": ["\0"]})], None, {"\0": [[]]})
    stage.feed([odd, *ended(1)[1:]])
    stage.feed([event(5, "clean"), JournalMessage(6, [])])
    await stage.settle()
    assert set(await stage.details()) == {1}


async def test_nobody_else_can_read_it(archive: Archive, stage: Stage, tmp_path: Path) -> None:
    stage.feed([Resync(), SENTINEL, *ended(1)])
    await stage.settle()
    del archive
    folder = tmp_path / "state"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert "history.db-wal" in modes
    assert set(modes.values()) == {0o600}
    assert folder.stat().st_uid == os.geteuid()

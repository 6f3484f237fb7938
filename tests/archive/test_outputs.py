"""Outputs: read once a job has ended, cut to their limit, caught up, dropped for later ones."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path

import pytest

from fluxapi.archive import catch_up, output_collector, output_keeper
from fluxapi.archive.archive import Archive
from fluxapi.archive.limits import Limits
from fluxapi.archive.outputs import read_output, stored_output
from fluxapi.archive.stored_output import OutputState, StoredOutput
from fluxapi.errors import FluxRefused, InstanceUnavailable
from fluxapi.model.eventlog import Event, Resync
from fluxapi.model.output import Last, OutputBatch, written
from tests.table.test_table import SENTINEL, event

from .stage import TIMEOUT, Records, Stage
from .test_recorder import ended

BINARY = {"encoding": "base64", "data": "/w=="}
HEADER = Event(1.0, "header", {"version": 1})
EOF = Event(3.0, "data", {"stream": "stdout", "rank": "0", "eof": True})


def ran(jobid: int) -> list[object]:
    first, *rest = ended(jobid)
    return [first, event(jobid, "alloc"), event(jobid, "start"), *rest]


def data(text: str, stream: str = "stdout") -> Event:
    return Event(2.0, "data", {"stream": stream, "rank": "0", "data": text})


def wrote(*texts: str) -> list[Event]:
    return [HEADER, *map(data, texts), EOF]


def text_of(output: StoredOutput) -> str:
    return b"".join(
        written(entry.context or {}) for batch in output.batches() for entry in batch
    ).decode()


async def kept(stage: Stage, jobid: int) -> tuple[OutputState, StoredOutput]:
    return await read_output(stage.archive.reader, stage.history.recorder.source.id, jobid)


async def feed(stage: Stage, *ids: int) -> None:
    stage.feed([Resync(), SENTINEL])
    for jobid in ids:
        stage.feed(ran(jobid))  # type: ignore[arg-type]
    await stage.settle()


async def limited(path: Path, limits: Limits, records: Records) -> Stage:
    archive = Archive(path, limits)
    await archive.open()
    return await Stage.open(archive, records)


async def closed(stage: Stage) -> None:
    await stage.aclose()
    await stage.archive.close(lambda: TIMEOUT)


async def test_the_output_is_stored_as_flux_has_it(archive: Archive) -> None:
    records = Records()
    odd = Event(
        2.5, "data", {"stream": "stderr", "rank": "0", "encoding": "base64", "data": "/w=="}
    )
    redirect = Event(1.0, "redirect", {"stream": "stdout", "rank": "0", "path": "/home/me/out"})
    records.outputs[1] = [HEADER, redirect, *map(data, map(str, range(200))), odd, EOF]
    stage = await Stage.open(archive, records)
    await feed(stage, 1)
    state, output = await kept(stage, 1)
    assert state is OutputState.STORED
    assert not output.is_cut
    assert [entry for batch in output.batches() for entry in batch] == records.outputs[1]
    assert [batch.first for batch in output.batches()] == [0]
    await stage.aclose()


async def test_a_job_that_wrote_nothing_takes_no_room(archive: Archive) -> None:
    records = Records()
    records.outputs[1] = wrote()
    stage = await Stage.open(archive, records)
    await feed(stage, 1)
    stage.feed(ended(2))
    await stage.settle()
    assert (await kept(stage, 1))[0] is OutputState.NONE
    assert (await kept(stage, 2))[0] is OutputState.NONE
    assert records.output_read == [1]
    await stage.aclose()


@pytest.mark.parametrize("limit", [32 << 20, 20_000])
async def test_head_and_tail_are_kept_of_a_large_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(output_collector, "_MAX_READ_BYTES", limit)
    records = Records()
    lines = [f"{number:099d}\n" for number in range(1000)]
    records.outputs[1] = wrote(*lines)
    stage = await limited(tmp_path, Limits(max_job_output=10_000), records)
    await feed(stage, 1)
    state, output = await kept(stage, 1)
    assert state is OutputState.CUT
    text = text_of(output)
    assert text.startswith(lines[0])
    assert text.endswith(lines[-1])
    assert 4_000 < len(text) < 10_000
    if output.is_least:
        assert 5_000 < output.omitted < 100_000 - len(text)
    else:
        assert output.omitted == 100_000 - len(text)
    assert output.is_least == (limit == 20_000)
    (notice,) = [e for batch in output.batches() for e in batch if e.name == "log"]
    least = "at least " if output.is_least else ""
    assert f"left out {least}{output.omitted:,} bytes" in (notice.context or {})["message"]
    last = [e async for b in stored_output(output, Last(2, lines=True)) for e in b]
    assert b"".join(written(e.context or {}) for e in last).decode() == "".join(lines[-2:])
    await closed(stage)


async def test_an_entry_larger_than_the_limit_is_cut(tmp_path: Path) -> None:
    records = Records()
    huge = base64.b64encode(b"\xff" * 50_000).decode()
    binary = Event(
        2.0, "data", {"stream": "stdout", "rank": "0", "encoding": "base64", "data": huge}
    )
    records.outputs[1] = [HEADER, binary, data("end\n"), EOF]
    stage = await limited(tmp_path, Limits(max_job_output=10_000), records)
    await feed(stage, 1)
    state, output = await kept(stage, 1)
    assert state is OutputState.CUT
    found = b"".join(written(e.context or {}) for b in output.batches() for e in b)
    assert found.endswith(b"\xff\xffend\n")
    assert output.omitted == 50_000 + 4 - len(found)
    await closed(stage)


async def test_outputs_that_flux_has_purged_are_missed(archive: Archive) -> None:
    stage = await Stage.open(archive)
    await feed(stage, 1)
    assert (await kept(stage, 1))[0] is OutputState.MISSED
    assert archive.writer.outputs_missed == 1
    await stage.aclose()


async def test_an_output_without_entries_is_missed_if_the_job_is_gone(archive: Archive) -> None:
    records = Records()
    records.outputs[1], records.outputs[2] = [], []
    records.texts[2, "eventlog"] = "{}\n"
    stage = await Stage.open(archive, records)
    await feed(stage, 1, 2)
    assert (await kept(stage, 1))[0] is OutputState.MISSED
    assert (await kept(stage, 2))[0] is OutputState.NONE
    await stage.aclose()


async def test_outputs_are_caught_up_after_a_restart(archive: Archive) -> None:
    records = Records()
    records.outputs[1] = wrote("one\n")
    stage = await Stage.open(archive, records)
    await stage.history.keeper.aclose()
    stage.feed([Resync(), SENTINEL, *ran(1)])  # type: ignore[list-item]
    await asyncio.to_thread(archive.writer.flush, TIMEOUT)
    assert (await kept(stage, 1))[0] is OutputState.UNREAD
    await stage.aclose()
    again = await Stage.open(archive, records)
    await again.settle()
    assert text_of((await kept(again, 1))[1]) == "one\n"
    await again.aclose()


async def test_the_outputs_of_an_instance_that_is_gone_are_missed(archive: Archive) -> None:
    stage = await Stage.open(archive)
    await stage.history.keeper.aclose()
    stage.feed([Resync(), SENTINEL, *ran(1)])  # type: ignore[list-item]
    await asyncio.to_thread(archive.writer.flush, TIMEOUT)
    stage.history.keeper.give_up()
    await asyncio.to_thread(archive.writer.flush, TIMEOUT)
    assert (await kept(stage, 1))[0] is OutputState.MISSED
    await stage.aclose()


async def test_outputs_beyond_the_queue_are_caught_up(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catch_up, "_MAX_NOTED", 2)
    monkeypatch.setattr(output_keeper, "_SLICE_JOBS", 3)
    records = Records()
    for jobid in range(1, 11):
        records.outputs[jobid] = wrote(f"{jobid}\n")
    stage = await Stage.open(archive, records)
    await feed(stage, *range(1, 11))
    for jobid in range(1, 11):
        assert text_of((await kept(stage, jobid))[1]) == f"{jobid}\n"
    assert sorted(records.output_read) == list(range(1, 11))
    await stage.aclose()


@pytest.mark.parametrize(
    ("failure", "state"),
    [
        (InstanceUnavailable("It does not answer."), OutputState.STORED),
        (FluxRefused("it is odd"), OutputState.MISSED),
    ],
)
async def test_only_a_lost_instance_is_asked_again(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, failure: Exception, state: OutputState
) -> None:
    monkeypatch.setattr(catch_up, "_RETRY_S", 0.01)
    records = Records()
    records.outputs[1] = wrote("one\n")
    failures = [failure]
    read = records.output

    def output(jobid: int, *, last: Last | None = None) -> object:
        if failures:
            raise failures.pop()
        return read(jobid, last=last)

    monkeypatch.setattr(records, "output", output)
    stage = await Stage.open(archive, records)
    await feed(stage, 1)
    assert (await kept(stage, 1))[0] is state
    await stage.aclose()


@pytest.mark.parametrize(("most_noted", "slice_jobs"), [(2, 2), (0, 2), (0, 500)])
async def test_outputs_that_flux_does_not_send_cost_no_others(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, most_noted: int, slice_jobs: int
) -> None:
    monkeypatch.setattr(catch_up, "_RETRY_S", 0.01)
    monkeypatch.setattr(catch_up, "_MAX_NOTED", most_noted)
    monkeypatch.setattr(output_keeper, "_SLICE_JOBS", slice_jobs)
    records, others = Records(), set(range(12, 18))
    for jobid in range(1, 18):
        records.outputs[jobid] = wrote(f"{jobid}\n")
    read = records.output

    def output(jobid: int, *, last: Last | None = None) -> object:
        if jobid not in others and not others <= set(records.output_read):
            raise InstanceUnavailable("It does not answer.")
        return read(jobid, last=last)

    monkeypatch.setattr(records, "output", output)
    stage = await Stage.open(archive, records)
    await feed(stage, *range(1, 18))
    for jobid in range(1, 18):
        assert text_of((await kept(stage, jobid))[1]) == f"{jobid}\n"
    await stage.aclose()


def test_batches_of_the_stored_form_keep_their_indexes() -> None:
    line = json.dumps({"timestamp": 1.0, "name": "data"}).encode() + b"\n"
    output = StoredOutput([(0, line * 2), (16, line)], [(99, line)], 5)
    assert [(batch.first, len(batch)) for batch in output.batches()] == [
        (0, 2), (16, 1), (17, 1), (99, 1),
    ]  # fmt: skip
    assert isinstance(next(output.batches()), OutputBatch)


async def test_the_end_of_the_service_ends_the_pauses(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output_keeper, "_BUSY_SHARE", 1e9)
    monkeypatch.setattr(output_keeper, "_SHARE", 1e9)
    records = Records()
    for jobid in range(1, 9):
        records.outputs[jobid] = wrote(f"{jobid}\n")
    stage = await Stage.open(archive, records)
    stage.history.keeper.hurry()
    await feed(stage, *range(1, 9))
    for jobid in range(1, 9):
        assert text_of((await kept(stage, jobid))[1]) == f"{jobid}\n"
    await stage.aclose()

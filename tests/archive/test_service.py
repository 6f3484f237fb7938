"""The history of a service: kept with a state directory, equal to what Flux has."""

from __future__ import annotations

import asyncio
import json
import signal
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fluxapi.archive.database import FILE_NAME, connect
from fluxapi.archive.ended_job import Detail, unpack
from fluxapi.archive.stored_output import OutputState, unpack_output
from fluxapi.http import keys
from fluxapi.model.jobid import encode_f58, parse
from fluxapi.model.output import written
from tests.handlers.conftest import Start, service, start
from tests.running import flux, flux_instance, needs_flux
from tests.running import service as run
from tests.waiting import block_until

__all__ = ["service", "start"]


def stored(folder: Path) -> dict[str, tuple[dict[str, Any], Detail, bool]]:
    """Return record, detail and exactness of the jobs in a state directory."""
    if not (folder / FILE_NAME).exists():
        return {}
    with closing(connect(folder / FILE_NAME, readonly=True)) as database:
        rows = database.execute(
            "SELECT jobs.id, record, data, exact FROM jobs JOIN details ON job = jobs.key"
        ).fetchall()
    return {
        encode_f58(jobid): (json.loads(record), unpack(data), bool(exact))
        for jobid, record, data, exact in rows
    }


async def test_a_job_is_in_the_history_when_the_service_has_stopped(
    start: Start, tmp_path: Path
) -> None:
    service = await start(statedir=tmp_path)
    jobid = await service.submit(command="sleep 1", environment={"TOKEN": "secret"})
    service.instance.finish(parse(jobid))
    await service.client.get(f"/v1/jobs/{jobid}/wait")
    record = await (await service.client.get(f"/v1/jobs/{jobid}")).json()
    await service.client.close()
    found, detail, exact = (await asyncio.to_thread(stored, tmp_path))[jobid]
    assert found == record
    assert exact
    assert [json.loads(line)["name"] for line in detail.eventlog.splitlines()][-1] == "clean"
    assert b"secret" not in detail.jobspec


async def test_no_history_is_kept_where_none_is_wanted(start: Start, tmp_path: Path) -> None:
    service = await start(statedir=tmp_path, no_history=True)
    assert service.client.app is not None
    assert service.client.app[keys.ARCHIVE] is None
    assert not (tmp_path / FILE_NAME).exists()


async def test_a_history_that_cannot_be_written_harms_nothing(start: Start, tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).mkdir()
    service = await start(statedir=tmp_path)
    jobid = await service.submit()
    service.instance.finish(parse(jobid))
    assert (await service.client.get(f"/v1/jobs/{jobid}/wait")).status == 200
    answer = await service.client.get("/ready")
    assert answer.status == 200
    assert "cannot be used" in (await answer.json())["history"]
    metrics = await (await service.client.get("/metrics")).text()
    assert "fluxapi_history_writable 0.0" in metrics


@needs_flux
@pytest.mark.slow
def test_it_equals_what_a_real_flux_has(flux_uri: str, tmp_path: Path) -> None:
    def submit(*options: str) -> None:
        flux(flux_uri, "submit", "--quiet", "-n1", *options)

    def listed() -> list[str]:
        return flux(flux_uri, "jobs", "-a", "-c0", "-no", "{id.f58plain}").split()

    # Other tests may have left hundreds of jobs, and each takes a command to compare.
    others = {*listed()}
    with run(FLUX_URI=flux_uri, FLUXAPI_STATEDIR=str(tmp_path)) as first:
        submit("--cc=1-10", "true")
        submit("sh", "-c", "exit 3")
        # Flux drops the memos of a job that is canceled while the scheduler considers it, until
        # its journal is read again; a held job is not considered.
        memo = flux(flux_uri, "submit", "--urgency=hold", "true").strip()
        flux(flux_uri, "job", "memo", memo, "note=kept")
        flux(flux_uri, "cancel", memo)
        flux(flux_uri, "queue", "idle", "--quiet")
        first.end(signal.SIGKILL)
    submit("--cc=1-10", "true")
    flux(flux_uri, "queue", "idle", "--quiet")
    with run(FLUX_URI=flux_uri, FLUXAPI_STATEDIR=str(tmp_path)) as second:
        ids = [jobid for jobid in listed() if jobid not in others]
        assert len(ids) == 22
        block_until(lambda: set(stored(tmp_path)) >= set(ids))
        block_until(lambda: all(exact for _, _, exact in stored(tmp_path).values()))
        records = {jobid: second.get(f"/v1/jobs/{jobid}") for jobid in ids}
        second.end()
    found = stored(tmp_path)
    for jobid in ids:
        record, detail, _ = found[jobid]
        lines = flux(flux_uri, "job", "info", jobid, "eventlog").strip().splitlines()
        assert list(map(json.loads, detail.eventlog.splitlines())) == list(map(json.loads, lines))
        assert record == records[jobid]


def outputs(folder: Path) -> dict[str, tuple[OutputState, str]]:
    """Return state and text of the outputs in a state directory."""
    if not (folder / FILE_NAME).exists():
        return {}
    with closing(connect(folder / FILE_NAME, readonly=True)) as database:
        rows = database.execute(
            "SELECT jobs.id, output, data FROM jobs LEFT JOIN outputs ON job = jobs.key"
        ).fetchall()
    found = {}
    for jobid, state, data in rows:
        entries = [] if data is None else [e for b in unpack_output(data).batches() for e in b]
        text = b"".join(written(e.context or {}) for e in entries if e.name == "data")
        # Other tests use the same Flux, with outputs of any bytes.
        found[encode_f58(jobid)] = OutputState(state), text.decode(errors="replace")
    return found


@needs_flux
@pytest.mark.slow
def test_it_has_the_outputs_of_a_real_flux(flux_uri: str, tmp_path: Path) -> None:
    def submit(*command: str) -> str:
        return encode_f58(parse(flux(flux_uri, "submit", "-n1", *command).strip()))

    with run(FLUX_URI=flux_uri, FLUXAPI_STATEDIR=str(tmp_path)) as service:
        silent, loud = submit("true"), submit("sh", "-c", "echo out; echo err >&2")
        # More than is read from the beginning, in entries of 4 kB: each costs Flux a message.
        large = submit("seq", "-f", "%04000.0f", "10000")
        canceled = submit("--urgency=hold", "true")
        flux(flux_uri, "cancel", canceled)
        path = tmp_path / "file"
        redirected = submit(f"--output={path}", "echo", "elsewhere")
        flux(flux_uri, "queue", "idle", "--quiet")
        ids = {silent, loud, large, canceled, redirected}
        block_until(lambda: set(outputs(tmp_path)) >= ids)
        block_until(
            lambda: all(state is not OutputState.UNREAD for state, _ in outputs(tmp_path).values())
        )
        service.end()
    found = outputs(tmp_path)
    assert found[silent] == (OutputState.NONE, "")
    assert found[canceled] == (OutputState.NONE, "")
    assert found[loud][0] is OutputState.STORED
    assert sorted(found[loud][1].split()) == ["err", "out"]
    assert found[redirected] == (OutputState.STORED, "")
    state, text = found[large]
    assert state is OutputState.CUT
    lines = text.splitlines()
    assert [len(line) for line in lines] == [4000] * len(lines)
    assert list(map(int, lines[:3])) == [1, 2, 3]
    assert list(map(int, lines[-2:])) == [9999, 10000]


@needs_flux
@pytest.mark.slow
def test_the_output_of_a_purged_job_is_read_as_before(tmp_path: Path) -> None:
    with flux_instance(1) as uri, run(FLUX_URI=uri, FLUXAPI_STATEDIR=str(tmp_path)) as service:
        script = "echo line 1; echo line 2; echo wrong >&2"
        jobid = flux(uri, "submit", "sh", "-c", script).strip().replace("ƒ", "f")
        flux(uri, "queue", "idle", "--quiet")
        path = f"/v1/jobs/{jobid}/output"
        paths = (path, f"{path}?stream=stdout&tail=1", f"{path}/stream", f"{path}/stream?tail=1")
        before = {path: service.read(path) for path in paths}
        assert b"line 2" in before[paths[0]]
        block_until(
            lambda: [state for state, _ in outputs(tmp_path).values()] == [OutputState.STORED]
        )
        flux(uri, "job", "purge", "--force", "--num-limit=0")
        block_until(lambda: "purged" in service.get(f"/v1/jobs/{jobid}").get("history", {}))
        assert {path: service.read(path) for path in paths} == before

"""Following the output of many jobs: labels, turns, a bad job, and the exit status."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from fluxapi.cli import attach, follow
from fluxapi.client import AsyncClient, ConnectionFailed, Unavailable
from tests.running import needs_flux

from .program import Program


def submit(run: Program, script: str, *words: str) -> str:
    return run.submit(*words, "sh", "-c", script)


@pytest.mark.parametrize("name", ["run", pytest.param("run_on_flux", marks=needs_flux)])
def test_lines_begin_with_their_job(request: pytest.FixtureRequest, name: str) -> None:
    run: Program = request.getfixturevalue(name)
    one = submit(run, "echo a; echo b; exit 3")
    two = submit(run, "echo c >&2; printf d")
    done = run("output", "--follow", "-l", one, two)
    assert done.status == 3
    assert f"{one}: 0: a\n{one}: 0: b\n" in done.out
    assert f"{two}: 0: d" in done.out
    assert f"{two}: 0: c\n" in done.err
    done = run("watch", "--output", one, two)
    assert (done.status, sorted(done.out.replace("d", "").split())) == (3, ["a", "b"])


def test_watch_labels_the_lines_of_a_single_job(run: Program) -> None:
    one = submit(run, "echo a")
    assert run("watch", "--output", "-l", one).out == f"{one}: 0: a\n"


def test_a_bad_job_spoils_nothing(run: Program) -> None:
    good = submit(run, "echo fine")
    done = run("output", "--follow", "f1", good, "f2")
    assert (done.status, done.out) == (1, "fine\n")
    assert sorted(line.split(": ")[1] for line in done.err.splitlines()[:2]) == ["f1", "f2"]
    assert "The output of 2 of 3 jobs could not be followed." in done.err
    done = run("output", "f1", good)
    assert (done.status, done.out) == (1, "fine\n")
    done = run("watch", "--output", "f1", good)
    assert (done.status, done.out) == (0, "fine\n")
    assert "f1" in done.err


def test_jobs_take_turns_and_nothing_is_written_twice(
    run: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "MAX_STREAMS", 1)
    monkeypatch.setattr(follow, "TURN_S", 0.05)
    waits = "echo first; while [ ! -e go ]; do sleep 0.02; done; echo last; rm go"
    one = submit(run, waits, f"--cwd={run.home}")
    two = submit(run, "echo second; touch go", f"--cwd={run.home}", f"--dependency=after:{one}")
    done = run("output", "--follow", "-l", one, two)
    assert done.status == 0
    assert sorted(done.out.splitlines()) == sorted(
        [f"{one}: 0: first", f"{one}: 0: last", f"{two}: 0: second"]
    )


def test_watch_chooses_jobs_as_flux_watch_does(run: Program) -> None:
    ids = [submit(run, f"echo {at}", "--job-name=chosen") for at in range(3)]
    run.ok("wait", *ids)
    done = run("watch", "--output", "--name=chosen", "-f", "completed", "-c2")
    assert (done.status, sorted(done.out.split())) == (0, ["1", "2"])
    assert "No jobs match" in run("watch", "--output", "--name=nothing", "-A").err
    # The status of flux watch without a selection.
    assert run("watch", "--output").status == 1
    assert run("watch", "--output", "--json", "-a").status == 2


def test_an_error_of_the_service_about_one_job_spoils_nothing(
    run: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = submit(run, "echo never"), submit(run, "echo fine")
    follow_output = AsyncClient.follow_output

    def fail_for_one(flux: AsyncClient, jobid: str, **options: Any) -> Any:
        if jobid == bad:
            raise Unavailable(503, detail="The records are locked.")
        return follow_output(flux, jobid, **options)

    monkeypatch.setattr(AsyncClient, "follow_output", fail_for_one)
    done = run("watch", "--output", bad, good)
    assert (done.status, done.out) == (1, "fine\n")
    assert f"{bad}: The records are locked." in done.err
    assert "The output of 1 of 2 jobs could not be followed." in done.err


def test_an_error_about_all_jobs_is_reported_once(
    run: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [submit(run, "true") for _ in range(3)]

    def fail(*_: object, **__: object) -> None:
        raise ConnectionFailed("The service is gone.")

    monkeypatch.setattr(AsyncClient, "follow_output", fail)
    done = run("watch", "--output", *ids)
    assert (done.status, done.err.count("The service is gone.")) == (3, 1)


def test_unknown_jobs_do_not_end_a_wait(run: Program) -> None:
    jobid = submit(run, "exit 3")
    for words in [], ["--any"]:
        done = run("wait", *words, "f1", jobid)
        assert (done.status, done.lines) == (3, [jobid] * len(words))
        assert done.err.splitlines() == [
            "fluxapi: There is no job f1.",
            f"fluxapi: {jobid}: exited with code 3",
        ]
    assert run("wait", "f1", run.submit("true")).status == 1


async def test_every_error_of_several_waits_is_retrieved(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> int:
        raise ConnectionFailed("There is no answer.")

    for count in 3, attach._MAX_AWAITED_JOBS:
        with pytest.raises(ConnectionFailed):
            await attach.highest_of(fail() for _ in range(count))
    gc.collect()
    assert not caplog.records

"""``fluxapi submit`` after submission: events to wait for, log files, and the progress bar."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.running import Service, needs_flux

from .program import Program
from .terminal import terminal


@pytest.mark.parametrize("name", ["run", pytest.param("run_on_flux", marks=needs_flux)])
def test_waits_for_an_event(request: pytest.FixtureRequest, name: str) -> None:
    run: Program = request.getfixturevalue(name)
    done = run("submit", "--wait-event=start", "sleep", "600")
    assert (done.status, done.err) == (0, "")
    jobid = done.out.strip()
    assert run("job", "--json", jobid).out.count('"RUN"')
    run("cancel", jobid)
    done = run("submit", "--wait-event=no-such", "-vv", "sh", "-c", "exit 3")
    jobid = done.out.strip()
    assert done.status == 3
    assert f"fluxapi: {jobid}: failed: status=768\n" in done.err
    assert done.err.endswith(f"fluxapi: {jobid}: ended without the event no-such\n")
    assert " start" in done.err
    held = run("submit", "--wait-event=finish", "--dependency=afterok:" + jobid, "true")
    assert held.status == 1


def test_events_of_the_exec_eventlog_are_refused(run: Program) -> None:
    done = run("submit", "--wait-event=exec.shell.init", "true")
    assert (done.status, "exec eventlog" in done.err) == (2, True)


def test_each_job_has_its_log_files(run: Program, tmp_path: Path) -> None:
    words = ["--cc=1-2", "--watch", f"--log={tmp_path}/{{cc}}", f"--log-stderr={tmp_path}/e{{cc}}"]
    done = run("submit", *words, "sh", "-c", "echo out{cc}; echo err{cc} >&2; exit {cc}")
    assert (done.status, done.out, done.err) == (2, "", "")
    for number in (1, 2):
        jobid, rest = (tmp_path / str(number)).read_text(encoding="utf-8").split("\n", 1)
        assert rest == f"out{number}\n"
        said = (tmp_path / f"e{number}").read_text(encoding="utf-8")
        assert said == f"err{number}\nfluxapi: {jobid}: exited with code {number}\n"


def test_one_log_has_all_ids_and_errors(run: Program, tmp_path: Path) -> None:
    done = run("submit", "--bcc=3-4", f"--log={tmp_path}/log", "-q", "no-such", "true")
    assert (done.status, done.out, done.err) == (1, "", "")
    said = (tmp_path / "log").read_text(encoding="utf-8").splitlines()
    assert [line.split(": ")[1] for line in said] == ["cc=3", "cc=4"]


def test_a_log_that_cannot_be_opened_submits_nothing(run: Program, on_embedded: Service) -> None:
    before = len(on_embedded.get("/jobs")["jobs"])
    done = run("submit", "--cc=1-2", "--log=/nowhere/log", "true")
    assert done.status == 2
    assert done.err == "fluxapi: /nowhere/log cannot be written: No such file or directory.\n"
    assert len(on_embedded.get("/jobs")["jobs"]) == before


def test_a_bar_shows_what_has_ended_and_failed(run: Program) -> None:
    words = ["submit", "--cc=0-1", "--progress", "--jps"]
    with terminal(run, *words, "--watch", "sh", "-c", "echo out{cc}; exit {cc}") as shown:
        status, text = shown.end()
    assert status == 1
    assert "jobs/s" in text
    assert "1 failed" in text
    assert "out0" in text
    with terminal(run, *words, "-q", "no-such", "true") as shown:
        status, text = shown.end()
    assert (status, "2 rejected" in text) == (1, True)
    done = run(*words, "true")
    assert done.err == "fluxapi: standard error is not a terminal; --progress is ignored\n"

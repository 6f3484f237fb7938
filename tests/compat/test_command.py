"""The command ``flux`` of fluxapi: the calls that tools make."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from fluxapi.compat.command.program import main
from tests.cli.program import Program

PLAIN_ID = re.compile(r"f[1-9A-HJ-NP-Za-km-z]+\n\Z")


def test_submit_prints_the_id_alone(flux: Program) -> None:
    assert PLAIN_ID.match(flux.ok("submit", "true"))


def test_the_shell_goes_along_but_for_secrets(
    flux: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = flux("run", "sh", "-c", "pwd; echo $COLOR $FLUX_TOKEN.", COLOR="blue", FLUX_TOKEN="s")
    assert (done.status, done.out) == (0, f"{tmp_path}\nblue .\n")


def test_run_sends_its_input_and_ends_as_the_job_does(flux: Program) -> None:
    done = flux("run", "-v", "sh", "-c", "cat; exit 5", input="hi\n")
    assert (done.status, done.out) == (5, "hi\n")


def test_a_batch_script_has_the_folder_of_the_shell(
    flux: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.sh").write_text("#!/bin/sh\npwd\n", encoding="utf-8")
    done = flux("batch", "--output=out", "--wait", "job.sh")
    assert (done.status, bool(PLAIN_ID.match(done.out))) == (0, True)
    assert (tmp_path / "out").read_text(encoding="utf-8") == f"{tmp_path}\n"


def test_the_calls_on_a_job(flux: Program) -> None:
    jobid = flux.ok("submit", "--flags=waitable", "--wait", "echo", "out").strip()
    assert flux.ok("job", "attach", jobid) == "out\n"
    assert flux.ok("watch", jobid) == "out\n"
    assert flux.ok("job", "wait", jobid) == ""
    assert json.loads(flux.ok("job", "info", jobid, "jobspec"))["version"] == 1
    name = "\x9b31m\u202e\U000e0001 é"
    named = flux.ok("submit", f"--job-name={name}", "true").strip()
    shown = flux.ok("job", "info", named, "jobspec")
    assert shown.strip().isprintable()
    assert json.loads(shown)["attributes"]["system"]["job"]["name"] == name
    first = flux.ok("job", "eventlog", jobid).splitlines()[0]
    assert re.match(r"\d+\.\d{6} submit userid=\d+ urgency=16 ", first)
    events = [
        json.loads(line) for line in flux.ok("job", "info", jobid, "eventlog").split("\n")[:-2]
    ]
    assert [events[0]["name"], events[-1]["name"]] == ["submit", "clean"]
    assert flux.ok("jobs", "-n", "-o", "{id.f58} {status_abbrev}", jobid) == f"{jobid} CD\n"
    refused = flux("cancel", jobid)
    assert (refused.status, refused.err.startswith("flux-cancel: ")) == (1, True)


def test_a_job_is_canceled(flux: Program) -> None:
    for words in (["job", "cancel"], ["cancel"]):
        jobid = flux.ok("submit", "--flags=waitable", "sleep", "600").strip()
        assert flux.ok(*words, jobid) == ""
        failed = flux("job", "wait", jobid)
        assert (failed.status, failed.err) == (1, "flux-job: Fatal exception type=cancel\n")


def test_the_other_commands_that_fluxapi_has_alike(flux: Program) -> None:
    jobid = flux.ok("submit", "--urgency=hold", "--job-name=like-flux-7", "true").strip()
    flux.ok("job", "memo", jobid, "step=1")
    flux.ok("job", "urgency", jobid, "1")
    last = flux.ok("job", "wait-event", "--format=json", jobid, "clean")
    assert json.loads(last)["name"] == "clean"
    assert "memo step=1\n" in flux.ok("job", "eventlog", "--human", jobid)
    assert flux.ok("pgrep", "-a", "^like-flux-[0-9]$") == f"{jobid}\n"
    assert flux("pkill", "^like-flux-").status == 1
    assert flux.ok("job", "timeleft", jobid) == "0\n"
    assert "free" in flux.ok("resource", "list")
    assert flux.ok("queue", "status").startswith("Job submission is enabled\n")
    assert "wait-event" in flux.ok("job", "--help")


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        ([], 1, "Usage: flux COMMAND ARGS"),
        (["start"], 1, "flux-start: ERROR: this flux starts no instance. Give a command"),
        (["job"], 1, "flux-job: Usage"),
        (["job", "wait"], 2, "flux-job: there are no more waitable jobs"),
        (["job", "wait", "--all", "f1"], 1, "flux-job: jobid not supported with --all"),
        (["job", "purge"], 1, "flux-job: Usage"),
        (["job", "raise", "f1"], 1, "flux-job: f1: There is no job f1."),
        (["job", "timeleft"], 1, "flux-job: Give a job ID, or set FLUX_JOB_ID."),
        (["job", "urgency", "f1"], 1, "flux job urgency: error: "),
        (["queue"], 2, "flux queue: error: "),
        (["resource", "list", "--no-such"], 2, "flux resource: error: unrecognized"),
        (["job", "wait", "f1"], 2, "flux-job: invalid job id"),
        (["job", "info", "f1", "R"], 1, "flux-job: invalid job id"),
        (["job", "info", "f1", "guest.output"], 1, "flux-job: guest.output: key not found"),
        (["job", "info", "f1"], 1, "flux-job: Usage"),
        (["job", "eventlog", "f1"], 1, "flux-job: There is no job f1."),
        (["job", "attach", "f1"], 1, "flux-job: Failed to attach to f1: No such job"),
        (["uri", "f1"], 1, "flux-uri: ERROR: jobid f1 not found"),
        (["submit"], 1, "flux-submit: ERROR: job command and arguments are missing"),
        (["submit", "--no-such", "x"], 2, "flux submit: error: unrecognized arguments: --no-such"),
        (["cancel"], 1, "flux-cancel: ERROR: No target jobs were provided"),
        (["watch"], 1, "flux-watch: ERROR: At least one job selection"),
    ],
)
def test_a_mistake_is_told_as_flux_does(
    flux: Program, words: list[str], status: int, message: str
) -> None:
    done = flux(*words)
    assert (done.status, done.out) == (status, "")
    assert message in done.err


@pytest.mark.parametrize("variable", ["", "0.4s"])
def test_an_unreachable_service_is_a_plain_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr("fluxapi.client.backoff.pause", pause)
    away = Program(f"unix:{tmp_path}/none", tmp_path, module="fluxapi.compat", main=main)
    done = away("jobs", FLUXAPI_CONNECT_TIMEOUT=variable)
    assert (done.status, done.out) == (1, "")
    assert "Check that the service is running" in done.err
    assert 0 < sum(pauses) <= (0.4 if variable else 1.0)


def test_a_wrong_connect_timeout_is_told(flux: Program) -> None:
    done = flux("jobs", FLUXAPI_CONNECT_TIMEOUT="soon")
    assert (done.status, done.out) == (1, "")
    assert "FLUXAPI_CONNECT_TIMEOUT: 'soon' is not a duration" in done.err


def test_a_dry_run_of_copies_prints_the_first_jobspec(flux: Program) -> None:
    jobspec = json.loads(flux.ok("submit", "--dry-run", "--env=-*", "--cc=3-4", "echo", "{cc}"))
    assert jobspec["tasks"][0]["command"] == ["echo", "3"]
    assert jobspec["attributes"]["system"]["environment"] == {"FLUX_JOB_CC": "3"}


@pytest.mark.parametrize(
    ("words", "status", "out"),
    [
        (["sh", "-c", "echo $0 $1; exit 3", "a", "b"], 3, "a b\n"),
        (["echo a $((1+1))"], 0, "a 2\n"),
        (["--", "no-such-program", "x"], 127, ""),
        (["-s2", "true"], 2, ""),
    ],
)
def test_start_runs_a_command_and_no_instance(
    flux: Program, words: list[str], status: int, out: str
) -> None:
    with flux.start("start", *words) as process:
        assert (process.communicate()[0], process.returncode) == (out, status)


def test_a_word_that_is_not_utf8_is_an_error(flux: Program) -> None:
    done = flux("submit", os.fsdecode(b"a\xffb"))
    assert (done.status, done.err) == (2, "flux-submit: ERROR: 'a\\udcffb' is not UTF-8.\n")

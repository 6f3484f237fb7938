"""``fluxapi submit`` as a process: ids, requests, following, and how it ends."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from fluxapi.cli.submit_files import encoded
from tests.running import Service, needs_flux

from .program import Program
from .terminal import terminal

ID = re.compile(r"f[1-9A-HJ-NP-Za-km-z]+\n\Z")


def request(run: Program, *words: str) -> dict[str, object]:
    """Return the body that would be sent."""
    found: dict[str, object] = json.loads(run.ok("submit", "--dry-run", *words))
    return found


def test_prints_the_id(run: Program, on_embedded: Service) -> None:
    said = run.ok("submit", "--job-name=named", "true")
    assert ID.match(said)
    assert on_embedded.get(f"/jobs/{said.strip()}")["name"] == "named"


def test_quiet_prints_nothing(run: Program) -> None:
    assert run.ok("submit", "--quiet", "true") == ""


def test_the_command_keeps_its_own_options(run: Program) -> None:
    body = request(run, "-n", "2", "prog", "-n", "3", "--url", "x", "--", "-h")
    assert body == {"command": ["prog", "-n", "3", "--url", "x", "--", "-h"], "num_tasks": 2}


def test_two_dashes_end_the_options(run: Program) -> None:
    assert request(run, "--", "-prog", "--")["command"] == ["-prog", "--"]


@pytest.mark.parametrize(
    ("words", "fields"),
    [
        (["-t", "5"], {"duration": "300s"}),
        (["-t5"], {"duration": "300s"}),
        (["-t", ".5"], {"duration": "30s"}),
        (["-t", "90s"], {"duration": "90s"}),
        (["-t", "2h30m"], {"duration": "9000s"}),
        (["-t", "2:30:00"], {"duration": "9000s"}),
        (["-N2"], {"num_nodes": 2, "num_tasks": 2, "exclusive": True}),
        (["-N2", "-n4"], {"num_nodes": 2, "num_tasks": 4}),
        (["-N1", "-n1", "-x"], {"num_nodes": 1, "num_tasks": 1, "exclusive": True}),
        (["--urgency=hold"], {"urgency": "hold"}),
        (["--urgency=0"], {"urgency": 0}),
        (["--env=A=1=2", "--env=B="], {"environment": {"A": "1=2", "B": ""}}),
        (["--env=GIVEN_*", "--env-remove=*_B"], {"environment": {"GIVEN_A": "1"}}),
        (["--env=NONE"], {}),
        (["--env=A=1", "--env=A", "--env=B=$A:$GIVEN_A"], {"environment": {"A": "1", "B": "1:1"}}),
        (["--env=A=$$x", "--env=B=${GIVEN_B}"], {"environment": {"A": "$x", "B": "2"}}),
        (["--env=/GIVEN_[AB]$/", "--env-remove=/.*A"], {"environment": {"GIVEN_B": "2"}}),
        (["--env=R={{rank}}"], {"env_expand": {"R": "{{rank}}"}}),
        (["-N2", "--tasks-per-node=3"], {"num_nodes": 2, "tasks_per_node": 3}),
        (["--cores=4", "--tasks-per-core=2"], {"num_cores": 4, "tasks_per_core": 2}),
        (
            ["--setopt=a.b=[1]", "-o", "c", "-od=text"],
            {"shell_options": {"a": {"b": [1]}, "c": 1, "d": "text"}},
        ),
        (
            ['--setattr=user.x={"y":1}', "-Sfoo"],
            {"attributes": {"user": {"x": {"y": 1}}, "system": {"foo": 1}}},
        ),
        (['--setattr=user.x={"a.b":1}'], {"attributes": {"user": {"x": {"a.b": 1}}}}),
        (["--setattr=user=1"], {"attributes": {"system": {"user": 1}}}),
        (['--setattr=attributes.user={"a.b":1}'], {"attributes": {"user": {"a.b": 1}}}),
        (["-o", 'a.b={"c.d":1}'], {"shell_options": {"a": {"b": {"c.d": 1}}}}),
        (["-o", 'a={"b":1,"c":2}', "-o", 'a={"b":3}'], {"shell_options": {"a": {"b": 3}}}),
        (["-S", ".user.x.z"], {"attributes": {"user": {"x": {"z": 1}}}}),
        (["--rlimit=core=0", "--rlimit=NOFILE=unlimited"], {"rlimits": {"core": 0, "nofile": -1}}),
        (["--rlimit=nofile", "--rlimit=-*"], {}),
        (["--rlimit=*,-*,core=1,stack=inf"], {"rlimits": {"core": 1, "stack": -1}}),
        (["--flags=waitable", "--flags=debug,"], {"waitable": True, "debug": True}),
        (
            ["--dependency=afterok:f1", "--dependency=x:y?z=1"],
            {"dependencies": ["afterok:f1", "x:y?z=1"]},
        ),
        (["--begin-time=2030-01-02T03:04:05Z"], {"dependencies": ["begin-time:1893553445.0"]}),
        (["--signal=TERM@2m"], {"shell_options": {"signal": {"signum": 15, "timeleft": 120.0}}}),
        (["--signal=@5"], {"shell_options": {"signal": {"signum": 10, "timeleft": 5.0}}}),
        (
            ["--taskmap=cyclic:2"],
            {"shell_options": {"taskmap": {"scheme": "cyclic", "value": "2"}}},
        ),
        (["--requires=fast"], {"constraints": {"properties": ["fast"]}}),
        (["--requires=hosts:a[1-2]"], {"constraints": {"hostlist": ["a[1-2]"]}}),
        (["-g0"], {"gpus_per_task": 0}),
        (["-u", "-l"], {"unbuffered": True, "label_io": True}),
        (
            ["--output=o", "--error=e", "--input=i"],
            {"output": "o", "error": "e", "input": "i"},
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_options(run: Program, words: list[str], fields: dict[str, object]) -> None:
    body = json.loads(run.ok("submit", "--dry-run", *words, "true", GIVEN_A="1", GIVEN_B="2"))
    assert body == {"command": ["true"], **fields}


def test_files_of_rules_may_name_others_but_not_forever(run: Program, tmp_path: Path) -> None:
    (tmp_path / "outer").write_text(f"A=1\n  ^{tmp_path}/inner\nB=$A\n", encoding="utf-8")
    (tmp_path / "inner").write_text("A=$A$A\n", encoding="utf-8")
    body = request(run, f"--env=^{tmp_path}/outer", "true")
    assert body["environment"] == {"A": "11", "B": "11"}
    (tmp_path / "inner").write_text(f"^{tmp_path}/outer\n", encoding="utf-8")
    done = run("submit", f"--env-file={tmp_path}/outer", "true")
    assert (done.status, "files name each other" in done.err) == (2, True)


def test_rules_of_a_file(run: Program, tmp_path: Path) -> None:
    (tmp_path / "rules").write_text("# mine\nA=1\n\nB=2\n-A\n", encoding="utf-8")
    body = request(run, f"--env-file={tmp_path}/rules", "--env=C=3", "true")
    assert body["environment"] == {"B": "2", "C": "3"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "Missing command"),
        (["--"], "Missing command"),
        (["-n0", "true"], "above 0"),
        (["-t", "soon", "true"], "duration"),
        (["--begin-time=soon", "true"], "+6h"),
        (["--urgency=32", "true"], "0 to 31"),
        (["--flags=fast", "true"], "'fast'"),
        (["--rlimit=core=big", "true"], "number or unlimited"),
        (["--rlimit=nothing", "true"], "no resource limit"),
        (["--env=A=$NONE", "true"], "'NONE' is not set"),
        (["--env=A=5$", "true"], "$ needs a name"),
        (["--env=-/(", "true"], "regular expression is invalid"),
        (["--requires=(a", "true"], "--requires"),
        (["--env-file=/nowhere/at/all", "true"], "/nowhere/at/all cannot be read"),
        (["--setopt==1", "true"], "--setopt"),
        (["--cc=3-1", "true"], "range"),
        (["--cc=1", "--bcc=2", "true"], "not allowed with"),
        (["--ntask=2", "true"], "--ntask"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_use_is_said_and_status_2(run: Program, words: list[str], sentence: str) -> None:
    done = run("submit", *words)
    assert (done.status, done.out) == (2, "")
    assert sentence in done.err
    assert "Traceback" not in done.err


def test_a_refusal_is_one_sentence(run: Program) -> None:
    done = run("submit", "--rlimit=nothing=1", "true")
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith("fluxapi: ")
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("folder", ["rel/dir", "~", "$HOME", " /tmp"])
def test_a_folder_that_is_on_no_node_is_refused(run: Program, folder: str) -> None:
    done = run("submit", f"--cwd={folder}", "true")
    assert (done.status, done.out) == (1, "")
    assert "must be an absolute path" in done.err


def test_cc_makes_a_job_of_each_id(run: Program, on_embedded: Service) -> None:
    ids = run.ok("submit", "--wait", "--cc=3,5-6", "sh", "-c", "echo {cc} $FLUX_JOB_CC").split()
    wrote = [on_embedded.get(f"/jobs/{jobid}/output")["Output"] for jobid in ids]
    assert wrote == [["3 3\n"], ["5 5\n"], ["6 6\n"]]


@needs_flux
@pytest.mark.slow
def test_ids_are_printed_in_the_order_of_cc(run_on_flux: Program) -> None:
    # More than Flux validates one after the other, so its IDs are in another order.
    words = ("--cc=1-150", "--job-name=n{cc}", "--urgency=hold", "true")
    ids = run_on_flux.ok("submit", *words).split()
    listed = run_on_flux.ok("jobs", "-nc0", "-o", "{id.f58plain} {name}")
    names = dict(line.split() for line in listed.splitlines())
    assert [names[jobid] for jobid in ids] == [f"n{number}" for number in range(1, 151)]
    run_on_flux.ok("cancel", "--yes", *ids)


def test_bcc_does_not_tell_the_job(run: Program, on_embedded: Service) -> None:
    ids = run.ok("submit", "--wait", "--bcc=1-2", "sh", "-c", "echo {cc}$FLUX_JOB_CC").split()
    wrote = [on_embedded.get(f"/jobs/{jobid}/output")["Output"] for jobid in ids]
    assert wrote == [["1\n"], ["2\n"]]


@pytest.mark.parametrize("name", ["run", pytest.param("run_on_flux", marks=needs_flux)])
@pytest.mark.parametrize(
    ("script", "status"),
    [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", 143), ("exit 200", 200)],
)
def test_watch_ends_as_the_job(
    request: pytest.FixtureRequest, name: str, script: str, status: int
) -> None:
    run: Program = request.getfixturevalue(name)
    done = run("submit", "--watch", "--quiet", "sh", "-c", f"echo out; echo err >&2; {script}")
    assert (done.status, done.out) == (status, "out\n")
    lines = done.err.splitlines()
    assert lines[0] == "err"
    assert len(lines) == (1 if status == 0 else 2)


@pytest.mark.parametrize("name", ["run", pytest.param("run_on_flux", marks=needs_flux)])
def test_wait_ends_as_the_job(request: pytest.FixtureRequest, name: str) -> None:
    run: Program = request.getfixturevalue(name)
    assert run("submit", "--wait", "sh", "-c", "exit 9").status == 9
    assert run("submit", "--wait", "true").status == 0
    assert run("submit", "--wait", "--bcc=1-3", "sh", "-c", "exit {cc}").status == 3


@pytest.mark.slow
def test_bytes_pass_as_they_are(run: Program, tmp_path: Path) -> None:
    data = bytes(range(256)) * 300 + b"no newline"
    (tmp_path / "data").write_bytes(data)
    done = subprocess.run(
        run.command("submit", "--watch", "--quiet", "cat", str(tmp_path / "data")),
        env=run.environment(),
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == data


def test_labels_say_which_task(run: Program) -> None:
    done = run("submit", "--watch", "--quiet", "-l", "-n2", "echo", "hello")
    assert sorted(done.lines) == ["0: hello", "1: hello"]


@pytest.mark.parametrize("name", ["run", pytest.param("run_on_flux", marks=needs_flux)])
def test_a_watched_job_reads_nothing_unless_told(request: pytest.FixtureRequest, name: str) -> None:
    run: Program = request.getfixturevalue(name)
    done = run("submit", "--watch", "--quiet", "cat", input="piped")
    assert (done.status, done.out) == (0, "")
    assert done.err == "fluxapi: standard input is not sent to the job; use --stdin=- to send it\n"
    done = run("submit", "--watch", "--quiet", "--stdin", "-", "cat", input="piped")
    assert (done.status, done.out, done.err) == (0, "piped", "")


@pytest.mark.parametrize("source", ["file", "-"])
def test_standard_input_from_here(run: Program, tmp_path: Path, source: str) -> None:
    (tmp_path / "in").write_text("from a file", encoding="utf-8")
    place = str(tmp_path / "in") if source == "file" else "-"
    done = run("submit", "--watch", "--quiet", f"--stdin={place}", "cat", input="from a pipe")
    assert done.out == ("from a file" if source == "file" else "from a pipe")


@pytest.mark.parametrize("name", ["run", pytest.param("run_on_flux", marks=needs_flux)])
def test_a_file_from_here(request: pytest.FixtureRequest, tmp_path: Path, name: str) -> None:
    run: Program = request.getfixturevalue(name)
    (tmp_path / "script").write_text("#!/bin/sh\necho sent $1\n", encoding="utf-8")
    (tmp_path / "a.b.txt").write_text("dots", encoding="utf-8")
    words = ["submit", "--watch", "--quiet"]
    sent = f"--add-file=script:700={tmp_path}/script"
    done = run(*words, sent, "{{tmpdir}}/script", "along")
    assert (done.out, done.err) == ("sent along\n", "")
    done = run(*words, f"--add-file={tmp_path}/a.b.txt", "cat", "{{tmpdir}}/a.b.txt")
    assert (done.out, done.err) == ("dots", "")
    done = run(*words, "--add-file=c.d=one\\ntwo\n", "cat", "{{tmpdir}}/c.d")
    assert (done.out, done.err) == ("one\ntwo\n", "")


@pytest.mark.parametrize(
    ("word", "name", "mode"),
    [
        ("x:y={}", "x:y", 0o640),
        ("x:755={}", "x", 0o755),
        ("{}", "a.b.txt", 0o640),
    ],
)
def test_the_name_of_a_file_from_here(
    run: Program, tmp_path: Path, word: str, name: str, mode: int
) -> None:
    path = tmp_path / "a.b.txt"
    path.write_bytes(b"\xff")
    path.chmod(0o640)
    body = request(run, f"--add-file={word.format(path)}", "true")
    entry = {"mode": 0o100000 | mode, "size": 1, "encoding": "base64", "data": "/w=="}
    assert body["attributes"] == {"system": {"files": {name: entry}}}


def test_ctrl_c_detaches_and_the_job_goes_on(run: Program, on_embedded: Service) -> None:
    with terminal(run, "submit", "--watch", "sh", "-c", "echo ready; exec sleep 1000") as shown:
        shown.until("ready")
        shown.press("\x03")
        status, seen = shown.end()
    jobid = seen.split()[0]
    assert status == 130
    assert f"fluxapi output --follow {jobid}" in seen
    assert f"fluxapi cancel {jobid}" in seen
    assert on_embedded.get(f"/jobs/{jobid}")["state"] == "RUN"
    run.ok("cancel", jobid)


def test_a_second_ctrl_c_cancels(run: Program, on_embedded: Service) -> None:
    with terminal(run, "submit", "--watch", "sh", "-c", "echo ready; exec sleep 1000") as shown:
        shown.until("ready")
        shown.press("\x03")
        shown.until("within 2 s")
        shown.press("\x03")
        status, seen = shown.end()
    job = on_embedded.get(f"/jobs/{seen.split()[0]}")
    assert job["result"] == "CANCELED"
    assert job["exception"]["note"] == "interrupted by Ctrl-C"
    assert status == 143


def test_a_job_that_never_ran_ends_with_1(run: Program) -> None:
    jobid = run.submit("--urgency=hold", "true")
    run.ok("cancel", jobid)
    done = run("wait", jobid)
    assert done.status == 1
    assert "cancel" in done.err


def test_a_file_with_nul_characters_is_sent_as_bytes() -> None:
    assert encoded(b"a\0b") == {"encoding": "base64", "data": "YQBi"}


@pytest.mark.parametrize("more", [(), ("--cc=1-2",), ("--dry-run",)])
def test_an_error_names_the_options_not_the_fields(run: Program, more: tuple[str, ...]) -> None:
    done = run("submit", *more, "-N", "2", "-n", "1", "true")
    assert (done.status, done.out) == (1, "")
    sentences = [line.rpartition("--nodes: ")[2] for line in done.err.splitlines()]
    assert set(sentences) == {"must not be above --ntasks, which is 1."}
    done = run("submit", *more, "--cwd=num_tasks", "true")
    assert "--cwd: must be an absolute path on the nodes" in done.err
    assert 'not "num_tasks"' in done.err

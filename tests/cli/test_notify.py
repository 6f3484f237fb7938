"""``--notify``: the bell and the notifications of a terminal when jobs have ended."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence

import pytest

from fluxapi.cli.notification import control_sequence
from tests.running import needs_flux

from .program import Program
from .terminal import terminal

XTERM = {"TERM": "xterm-256color"}


def told(run: Program, *words: str) -> tuple[int, list[str]]:
    """Run a command at a terminal; return its status and the texts of its notifications."""
    with terminal(run, *words) as screen:
        status, seen = screen.end()
    plain = re.findall("\a\x1b]9;fluxapi: ([^\a]*)\a", seen)
    rich = re.findall("\x1b]777;notify;fluxapi;([^\a]*)\a", seen)
    assert plain == rich
    return status, plain


@pytest.mark.parametrize("name", ["run", pytest.param("run_on_flux", marks=needs_flux)])
def test_wait_tells_how_a_job_ended(request: pytest.FixtureRequest, name: str) -> None:
    run: Program = request.getfixturevalue(name)
    jobid = run.submit("--job-name=study", "sh", "-c", "exit 3")
    assert told(run, "wait", "--notify", jobid) == (3, [f"Job {jobid} (study): Exit code 3"])
    assert told(run, "wait", jobid) == (3, [])


def test_wait_tells_how_jobs_ended(run: Program) -> None:
    good, bad = run.submit("true"), run.submit("false")
    held = run.submit("--urgency=hold", "true")
    status, texts = told(run, "wait", "--notify", "f1", good, bad)
    assert (status, texts) == (1, ["3 jobs ended: 1 completed, 1 failed, 1 unknown"])
    assert told(run, "wait", "--any", "--notify", held, good)[1] == [
        f"Job {good} (true): Completed"
    ]
    status, texts = told(run, "wait", "--timeout=0.1s", "--notify", held)
    assert (status, texts) == (1, ["Not all jobs ended within the timeout."])
    run.ok("cancel", "-q", held)
    assert told(run, "watch", "--notify", held)[1] == [f"Job {held} (true): Canceled before it ran"]


def test_a_group_is_told_by_its_counts(run: Program) -> None:
    name = f"sweep-{uuid.uuid4().hex}"
    run("submit", "--wait", f"--group={name}", "--cc=0-2", "sh", "-c", "exit $FLUX_JOB_CC")
    said = [f"Group {name}: 1 completed, 2 failed"]
    assert told(run, "wait", "--notify", "--group", name) == (2, said)
    assert told(run, "watch", "--notify", "--group", name) == (0, said)
    held = run.submit("--group", name, "--urgency=hold", "true")
    with terminal(run, "wait", "--any", "--notify", "--group", name) as screen:
        run.ok("cancel", "-q", held)
        assert screen.end()[0] == 0
    assert told(run, "wait", "--any", "--notify", "--group", name) == (
        0,
        [f"Group {name}: 1 completed, 2 failed, 1 canceled"],
    )


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["submit", "--quiet", "--wait", "true"], "Job ID (true): Completed"),
        (["submit", "--quiet", "--watch", "true"], "Job ID (true): Completed"),
        (["submit", "--quiet", "--wait-event=start", "true"], "1 job had the event start or ended"),
        (
            ["submit", "--quiet", "--wait", "--progress", "--cc=1-2", "true"],
            "2 jobs ended: 2 completed",
        ),
        (
            ["bulksubmit", "--quiet", "--wait", "{}", ":::", "true", "false"],
            "2 jobs ended: 1 completed, 1 failed",
        ),
        (["bulk", "--quiet", "--wait", "--copies=3", "false"], "3 jobs ended: 3 failed"),
    ],
)
def test_submissions_that_wait(run: Program, words: list[str], text: str) -> None:
    _, (said,) = told(run, words[0], "--notify", *words[1:])
    assert re.sub(r"\bJob f\w+", "Job ID", said) == text


def test_output_that_is_followed(run: Program) -> None:
    one, two = run.submit("true"), run.submit("true")
    for command in ["output", "--follow"], ["watch", "--output"]:
        assert told(run, *command, "--notify", one, two) == (0, ["2 jobs ended: 2 completed"])


def test_ctrl_c_is_told_of_by_nothing(run: Program) -> None:
    held = run.submit("--urgency=hold", "true")
    with terminal(run, "output", "--follow", "--notify", held) as screen:
        screen.until("held")
        screen.press("\x03")
        screen.until("detached")
        status, seen = screen.end()
    assert (status, "\a" in seen) == (130, False)
    run.ok("cancel", "-q", held)


def test_another_output_than_a_terminal_gets_no_control_characters(run: Program) -> None:
    done = run("wait", "--notify", run.submit("true"))
    said = "fluxapi: neither standard error nor standard output is a terminal; --notify is ignored"
    assert (done.status, done.out, done.err.strip()) == (0, "", said)


@pytest.mark.parametrize(
    "words",
    [
        ["submit", "--notify", "true"],
        ["bulk", "--notify", "--copies=1", "true"],
        ["bulksubmit", "--notify", "{}", ":::", "true"],
        ["batch", "--notify", "--wrap", "true"],
        ["watch", "--notify"],
        ["output", "--notify", "f1"],
    ],
)
def test_a_command_that_does_not_wait_refuses(run: Program, words: Sequence[str]) -> None:
    done = run(*words)
    assert (done.status, done.out) == (2, "")
    assert "--notify needs " in done.err


def test_no_character_of_a_job_controls_the_terminal() -> None:
    hostile = "a\x07b\x1b]0;title\x9c\u202e;c\n" + "x" * 1000
    sequence = control_sequence(hostile, XTERM)
    parts = sequence.split("\a")
    assert [part[:8] for part in parts] == ["", "\x1b]9;flux", "\x1b]777;no", ""]
    assert all(part.replace("\x1b", "", 1).isprintable() for part in parts)
    assert parts[1].endswith("…")
    assert parts[2].count(";") == 3
    assert len(sequence) < 600


@pytest.mark.parametrize(
    ("environ", "bells", "kinds"),
    [
        ({"TERM": "dumb"}, 1, []),
        ({}, 1, []),
        ({"TERM": "linux"}, 1, []),
        (XTERM, 3, ["9", "777"]),
        ({"TERM": "xterm-kitty"}, 2, ["777"]),
        ({**XTERM, "TERM_PROGRAM": "WezTerm"}, 2, ["777"]),
    ],
)
def test_terminals(environ: dict[str, str], bells: int, kinds: list[str]) -> None:
    sequence = control_sequence("text", environ)
    assert sequence.count("\a") == bells
    assert re.findall("\x1b](\\d+);", sequence) == kinds

"""``fluxapi output --search``, ``--errors`` and ``--lines``, in front of both instances."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.running import needs_flux

from .program import Program

SAYS = "seq 5; printf 'a \\033[31mFound\\033[0m word\\n'; echo 'fatal: no space' >&2; seq 6 8"


@pytest.fixture(params=["run", pytest.param("run_on_flux", marks=needs_flux)])
def program(request: pytest.FixtureRequest) -> Program:
    found: Program = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def job(program: Program) -> str:
    jobid = program.submit("sh", "-c", SAYS)
    program.ok("wait", jobid)
    return jobid


def test_a_text_is_found_with_the_number_of_its_line(program: Program, job: str) -> None:
    line = program.ok("output", "--search=found", "--stream=stdout", job)
    number, _, text = line.partition(":")
    assert text == "a Found word\n"
    assert program.ok("output", f"--lines={number}", job) == (
        f"{number}:a \\x1b[31mFound\\x1b[0m word\n"
    )
    done = program("output", "--search=found", "--case", job)
    assert (done.status, done.out) == (1, "")


def test_errors_are_found(program: Program, job: str) -> None:
    assert program.ok("output", "--errors", job).partition(":")[2] == "fatal: no space\n"


def test_a_range_of_lines_is_printed(program: Program) -> None:
    job = program.submit("seq", "10")
    program.ok("wait", job)
    assert program.ok("output", "--lines=2-4", job) == "2:2\n3:3\n4:4\n"
    assert len(program.ok("output", "--lines=2-", job).splitlines()) == 9
    done = program("output", "--lines=11-20", job)
    assert (done.status, done.out, done.err) == (1, "", "")
    assert program("output", "--lines=4-2", job).status == 2
    assert program("output", "--lines=1", "--follow", job).status == 2


def test_a_file_that_receives_output_is_searched(program: Program, tmp_path: Path) -> None:
    jobid = program.submit(f"--output={tmp_path}/out", "sh", "-c", "seq 3; echo needle")
    program.ok("wait", jobid)
    assert program.ok("output", "--search=needle", jobid) == "1:4:needle\n"


def test_the_output_of_one_task_is_printed(program: Program) -> None:
    jobid = program.submit("-n2", "sh", "-c", "echo task $FLUX_TASK_RANK")
    program.ok("wait", jobid)
    assert program.ok("output", "--task=1", jobid) == "task 1\n"
    assert program.ok("output", "--search=task", "--task=0", jobid).endswith(":task 0\n")

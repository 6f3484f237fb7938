"""``fluxapi output`` of jobs that write to files, in front of both instances."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fluxapi.model import basemoji, mnemonic
from fluxapi.model.jobid import parse
from tests.running import needs_flux

from .program import Program


@pytest.fixture(params=["run", pytest.param("run_on_flux", marks=needs_flux)])
def program(request: pytest.FixtureRequest) -> Program:
    found: Program = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def job(program: Program, tmp_path: Path) -> str:
    """Return a job that has ended, and has written two files."""
    files = (f"--output={tmp_path}/out", f"--error={tmp_path}/err")
    jobid = program.submit(*files, "sh", "-c", "seq 3; echo oops >&2")
    program.ok("wait", jobid)
    return jobid


@pytest.mark.parametrize("options", [(), ("--follow",)])
def test_files_are_printed_as_other_output_is(
    program: Program, job: str, tmp_path: Path, options: tuple[str, ...]
) -> None:
    done = program("output", *options, job)
    assert done.status == 0
    assert done.out == "1\n2\n3\n"
    assert done.err.splitlines() == [
        f"fluxapi: {job}: stdout is written to {tmp_path}/out",
        f"fluxapi: {job}: stderr is written to {tmp_path}/err",
        "oops",
    ]


def test_a_file_of_a_job_that_names_no_directory_is_printed(
    program: Program, tmp_path: Path
) -> None:
    jobid = program.submit(f"--output={os.path.relpath(tmp_path)}/relative", "echo", "found")
    program.ok("wait", jobid)
    assert program("output", jobid).out == "found\n"


def test_each_file_has_a_tail(program: Program, job: str) -> None:
    done = program("output", "--tail=1", job)
    assert done.out == "3\n"
    assert done.err.endswith("oops\n")
    assert program("output", "--tail=2", "--stream=stdout", job).out == "2\n3\n"


def test_a_file_is_saved(program: Program, job: str, tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    assert program.ok("output", f"--save={saved}", job) == ""
    assert saved.read_text() == "1\n2\n3\n"
    assert program.ok("output", "--save=-", "--stream=stderr", job) == "oops\n"
    done = program("output", f"--save={saved}", "--file=7", job)
    assert done.status != 0
    assert "goes to 1 files" in done.err
    assert saved.read_text() == "1\n2\n3\n"


def test_a_file_that_is_gone_is_said(program: Program, job: str, tmp_path: Path) -> None:
    (tmp_path / "out").unlink()
    done = program("output", job)
    assert done.out == ""
    assert "is not shown. It does not exist.\n" in done.err
    assert done.err.endswith("oops\n")


def test_a_file_may_have_the_words_of_its_job(program: Program, tmp_path: Path) -> None:
    name = f"--output={tmp_path}/{{{{id.words}}}}.{{{{jobid.emoji}}}}"
    jobid = program.submit(name, "echo", "fine")
    program.ok("wait", jobid)
    number = parse(jobid)
    path = tmp_path / f"{mnemonic.encode(number)}.{basemoji.encode(number)}"
    assert path.read_text(encoding="utf-8") == "fine\n"
    assert program("output", jobid).out == "fine\n"

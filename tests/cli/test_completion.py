"""Completion of commands, options and job IDs in the shell."""

from __future__ import annotations

from pathlib import Path

import pytest

from .program import Program


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script(run: Program, shell: str) -> None:
    assert "_ARGCOMPLETE" in run.ok("completion", shell)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("fluxapi jo", {"job", "jobs"}),
        ("fluxapi submit --job", {"--job-name "}),
        ("fluxapi completion z", {"zsh "}),
    ],
)
def test_completion(run: Program, line: str, found: set[str]) -> None:
    assert complete(run, line) == found


@pytest.mark.slow
def test_completion_of_job_ids(run: Program, tmp_path: Path) -> None:
    jobid = run.submit("--urgency=hold", "true")
    assert is_offered(run, f"fluxapi cancel {jobid[:4]}", jobid)
    run.ok("cancel", jobid)
    run("wait", jobid)
    assert jobid not in {word.strip() for word in complete(run, f"fluxapi cancel {jobid[:4]}")}
    assert is_offered(run, f"fluxapi output {jobid[:4]}", jobid)
    assert complete(Program("http://127.0.0.1:1", tmp_path), "fluxapi output f") == set()


def is_offered(run: Program, line: str, word: str) -> bool:
    """Return whether a completion offers a word; one that takes too long offers nothing."""
    return any(word in {it.strip() for it in complete(run, line)} for _ in range(20))


def complete(run: Program, line: str) -> set[str]:
    """Return the completions that the shell would offer at the end of the line."""
    found = run.home / "completions"
    found.touch()
    environ = {
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_IFS": "\x0b",
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
        "_ARGCOMPLETE_STDOUT_FILENAME": str(found),
    }
    # The words of the line begin with the program, whichever way it was started here.
    assert run.process(**environ).status == 0
    return set(filter(None, found.read_text(encoding="utf-8").split("\x0b")))

"""``fluxapi bulksubmit``: one bulk with a key, log files, and options that inputs change."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.running import Service

from .program import Program


def test_a_job_for_each_input(run: Program, on_embedded: Service) -> None:
    words = ["--wait", "--job-name=j{seq}", "echo", "{0}-{1}", ":::", "a", "b", ":::", "c"]
    done = run("bulksubmit", *words)
    assert (done.status, done.err) == (0, "")
    jobs = [on_embedded.get(f"/jobs/{jobid}") for jobid in done.lines]
    assert [job["name"] for job in jobs] == ["j0", "j1"]
    assert len({job["group"] for job in jobs}) == 1
    wrote = [on_embedded.get(f"/jobs/{it}/output")["Output"] for it in done.lines]
    assert wrote == [["a-c\n"], ["b-c\n"]]


def test_a_repeated_command_submits_no_job_twice(run: Program) -> None:
    words = ["bulksubmit", "--idempotency-key=bulk-of-a-test", "true", "{}", ":::", "a", "b"]
    assert run.ok(*words) == run.ok(*words)


def test_the_status_is_the_highest_and_bad_jobs_spoil_nothing(run: Program) -> None:
    done = run("bulksubmit", "--wait", "-q{}", "true", ":::", "no-such-queue", "")
    assert done.status == 1
    assert done.err.startswith("fluxapi: 1: ")
    done = run("bulksubmit", "--quiet", "--wait", "sh", "-c", "exit {}", input="0\n4\n3\n")
    assert (done.status, done.out) == (4, "")


def test_log_files_are_named_by_inputs_and_copies(run: Program, tmp_path: Path) -> None:
    words = [f"--log={tmp_path}/{{}}-{{cc}}", "--cc=1-2", "--watch", "echo", "{}", ":::", "a", "b"]
    done = run("bulksubmit", *words)
    assert (done.status, done.out) == (0, "")
    assert sorted(path.name for path in tmp_path.glob("?-?")) == ["a-1", "a-2", "b-1", "b-2"]
    assert (tmp_path / "b-2").read_text(encoding="utf-8").endswith("\nb\n")


def test_shuffle_keeps_all_and_verbose_shows_lines(run: Program) -> None:
    words = [":::", *map(str, range(50))]
    done = run("bulksubmit", "--shuffle", "--dry-run", "echo", "{}", *words)
    found = [json.loads(line)["command"][1] for line in done.lines]
    assert found != list(map(str, range(50)))
    assert sorted(map(int, found)) == list(range(50))
    done = run("bulksubmit", "-v", "--quiet", "-t{}m", "true", ":::", "1")
    assert done.out == "bulksubmit: submit -t1m true\n"


def test_values_are_checked_before_the_first_job_is_submitted(run: Program) -> None:
    done = run("bulksubmit", "-n{}", "true", ":::", "1", "many")
    assert (done.status, done.out) == (2, "")
    assert done.err == "fluxapi: -n: 'many' is not a whole number above 0\n"
    done = run("bulksubmit", input=b"\xff")
    assert (done.status, done.err) == (2, "fluxapi: - is not UTF-8 text.\n")


@pytest.mark.parametrize(
    ("words", "label"),
    [
        (["submit", "--cwd=sub", "true"], ""),
        (["submit", "--cc=1-2", "--cwd=sub{cc}", "true"], "cc=1: "),
        (["submit", "-N4", "-n2", "true"], ""),
        (["bulksubmit", "--cwd=sub{}", "true", ":::", "a", "b"], "1: "),
    ],
)
def test_a_dry_run_refuses_what_the_service_refuses(
    run: Program, words: list[str], label: str
) -> None:
    command, *rest = words
    dry, sent = run(command, "--dry-run", *rest), run(command, *rest)
    assert (dry.status, dry.out) == (sent.status, sent.out) == (1, "")
    assert dry.err.startswith(f"fluxapi: {label}")
    assert dry.err.splitlines()[0].split(". ")[1:] == sent.err.splitlines()[0].split(". ")[1:]

"""``fluxapi history``."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from fluxapi.cli import job_detail
from fluxapi.cli.figure_answer import Figures
from fluxapi.cli.figure_lines import figure_lines
from fluxapi.client.body import converted
from fluxapi.client.job import Job, JobHistory
from tests.archive.past_jobs import Past, store
from tests.running import Service, service
from tests.waiting import block_until

from .program import Program

BEGIN = time.time() - 86_400.0
"""The service drops jobs that ended long ago."""

RANGE = ("--since=-30h", "--until=-10h")


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[Service]:
    """Run a service with a history of two jobs."""
    store(
        folder,
        Past(1 << 24, BEGIN, wait=90.0, run=3600.0, ncores=2, name="a\x1b[31m"),
        Past(2 << 24, BEGIN + 1, wait=None, result="CANCELED", name=""),
    )
    with service("--instance=embedded", f"--statedir={folder}") as running:
        yield running


@pytest.fixture(scope="module")
def keeps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("history") / "state") as running:
        yield running


@pytest.fixture
def program(keeps: Service, tmp_path: Path) -> Program:
    """Return the command, in front of a service that no test submits jobs to."""
    return Program(keeps.url, tmp_path)


@pytest.fixture
def program_alone(tmp_path: Path) -> Iterator[Program]:
    """Return the command, in front of a service of its own."""
    with serving(tmp_path / "state") as running:
        yield Program(running.url, tmp_path)


def test_figures_are_printed_by_time_by_group_and_as_json(program: Program) -> None:
    lines = program.ok("history", "figures", *RANGE, "--all-instances", "--steps=5").splitlines()
    assert lines[0].split() == [
        "FROM", "ENDED", "FAILED", "CANCELED", "CORE-HOURS", "WAIT", "WAIT-P90", "RUN", "RUN-P90",
        "CORES-USED",
    ]  # fmt: skip
    assert lines[-1].split() == [
        "(all)",
        "2",
        "0",
        "1",
        "2.0",
        "1m",
        "30s",
        "1m",
        "30s",
        "1h",
        "1h",
    ]
    lines = program.ok("history", "figures", *RANGE, "--all-instances", "--by=name").splitlines()
    assert [line.split()[0] for line in lines] == ["NAME", "(none)", "a\\x1b[31m", "(all)"]
    found = json.loads(program.ok("history", "figures", *RANGE, "--json"))
    assert found["total"]["ended"] == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--steps=1",), "from 2 to 500"),
        (("--since=2023-11-16", "--until=2023-11-14"), "--since is not before --until"),
        (("--by=cwd",), "invalid choice"),
    ],
)
def test_bad_options_are_usage_errors(
    program: Program, options: tuple[str, ...], message: str
) -> None:
    done = program("history", "figures", *options)
    assert (done.status, message in done.err) == (2, True)


@pytest.mark.slow
def test_past_jobs_are_listed_and_found_by_words_of_the_command(program_alone: Program) -> None:
    program_alone.ok("submit", "--wait", "--quiet", "--job-name=first", "true", "needle")
    program_alone.ok("submit", "--wait", "--quiet", "--job-name=second", "true")
    past = ("jobs", "--history", "-no", "{name}")
    assert program_alone.ok(*past).split() == ["second", "first"]
    block_until(lambda: program_alone.ok(*past, "--text=needle").split() == ["first"])
    assert program_alone.ok(*past, "--text=eco").split() == ["second"]
    assert program_alone.ok(*past, "--text=first second").split() == []


def test_a_purged_job_says_so() -> None:
    ended = Job(id="f1", state="INACTIVE", status="FAILED", result="FAILED", t_inactive=BEGIN)
    purged = msgspec.structs.replace(ended, history=JobHistory(instance="0" * 20, purged=BEGIN))
    assert not any(line.startswith("purged:") for line in job_detail.lines(ended, BEGIN))
    (line,) = (line for line in job_detail.lines(purged, BEGIN) if line.startswith("purged:"))
    assert "record of the history" in line


def test_a_name_that_says_no_format_is_a_usage_error(program: Program, tmp_path: Path) -> None:
    done = program("history", "export", "-o", str(tmp_path / "jobs.xls"))
    assert (done.status, "--format" in done.err) == (2, True)
    assert not (tmp_path / "jobs.xls").exists()
    program.ok("history", "export", "-o", str(tmp_path / "jobs.jsonl"))
    program.ok("history", "export", "--format=csv", "-o", str(tmp_path / "jobs.xls"))
    assert (tmp_path / "jobs.xls").read_text(encoding="utf-8").startswith("id,")


def test_a_service_without_history_is_told(run: Program) -> None:
    done = run("history", "figures")
    assert done.status != 0
    assert "keeps no history" in done.err


def test_an_unknown_figure_is_a_dash_and_the_rest_is_a_line() -> None:
    counts = {"ended": 1, "failed": 0, "timeout": 1, "canceled": 0, "core_hours": 0.0}
    found = {
        "by": "queue",
        "groups": [{"value": "", **counts}],
        "rest": {"groups": 3, **counts},
        "total": counts,
        "steps": [],
    }
    assert [line.split() for line in figure_lines(converted(found, Figures))][1:3] == [
        ["(none)", "1", "1", "0", "0.0", "-", "-", "-", "-"],
        ["(3", "others)", "1", "1", "0", "0.0", "-", "-", "-", "-"],
    ]


@pytest.mark.slow
def test_a_job_with_few_peers_is_told(program_alone: Program) -> None:
    jobid = program_alone.ok("submit", "--wait", "true").split()[0]
    done = program_alone("job", "compare", jobid)
    assert (done.status, done.out) == (0, "")
    assert "too few jobs" in done.err
    assert json.loads(program_alone.ok("job", "compare", "--json", jobid)) == {}

"""``fluxapi template`` and ``fluxapi submit --template``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import Service, service

from .program import Program

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def keeps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("state")
    with service("--instance=embedded", f"--statedir={folder}") as running:
        yield running


@pytest.fixture
def saved(keeps: Service, tmp_path: Path) -> Program:
    """Return the command, in front of a service that has a template."""
    run = Program(keeps.url, tmp_path)
    job = {
        "command": ["sh", "-c", "echo $WHO"],
        "name": "greet",
        "environment": {"WHO": "x", "A": "1"},
    }
    file = tmp_path / "job.json"
    file.write_text(json.dumps(job), encoding="utf-8")
    run.ok("template", "save", "greet", str(file), "--description=says who")
    return run


def test_the_life_of_a_template(saved: Program) -> None:
    heading, row = saved.ok("template", "list").splitlines()
    assert heading.split()[0] == "NAME"
    assert row.split()[0] == "greet"
    assert row.endswith("says who")
    shown = json.loads(saved.ok("template", "show", "greet"))
    assert shown["job"]["name"] == "greet"
    saved.ok("template", "delete", "greet")
    done = saved("template", "show", "greet")
    assert (done.status, "fluxapi template list" in done.err) == (1, True)


def test_a_file_that_is_no_job_is_described(run: Program, tmp_path: Path) -> None:
    for text, words in (
        (b"{\n  job", "not valid JSON (line 2, column 3)"),
        (b"\xff", "not UTF-8"),
        (b"[]", "not a job"),
    ):
        (tmp_path / "given").write_bytes(text)
        done = run("template", "save", "bad", str(tmp_path / "given"))
        assert done.status == 2
        assert done.err == f"fluxapi: {tmp_path}/given is {words}: give one job as a JSON object.\n"
    (tmp_path / "given").write_bytes(b"{1")
    for option in (f"--setattr=^a={tmp_path}/given", f"--resources-json={tmp_path}/given"):
        assert "is not valid JSON (line 1, column 2)." in run("submit", option, "true").err


def test_options_take_the_place_of_what_the_template_says(saved: Program) -> None:
    words = ("submit", "--template=greet", "--watch", "--env=WHO=me", "--job-name=other")
    assert saved.ok(*words).splitlines()[-1] == "me"
    (made,) = saved.ok(*words, "--dry-run").splitlines()
    job = json.loads(made)
    assert (job["name"], job["environment"]) == ("other", {"WHO": "me", "A": "1"})


def test_a_command_takes_the_place_of_a_script(saved: Program, tmp_path: Path) -> None:
    file = tmp_path / "batch.json"
    fields = {"script": "#!/bin/sh\ntrue\n", "num_slots": 1, "name": "kept"}
    file.write_text(json.dumps(fields), encoding="utf-8")
    saved.ok("template", "save", "batch", str(file))
    (made,) = saved.ok("submit", "--template=batch", "--dry-run", "hostname").splitlines()
    assert json.loads(made) == {"name": "kept", "command": ["hostname"]}
    (whole,) = saved.ok("submit", "--template=batch", "--dry-run").splitlines()
    assert json.loads(whole) == fields


def test_a_template_of_many_jobs_submits_them(saved: Program, tmp_path: Path) -> None:
    file = tmp_path / "sweep.json"
    file.write_text('{"command": ["echo", "{cc}"]}', encoding="utf-8")
    saved.ok("template", "save", "sweep", str(file), "--cc=3-5")
    jobs = saved.ok("submit", "--template=sweep", "--dry-run").splitlines()
    assert [json.loads(it)["command"] for it in jobs] == [["echo", it] for it in "345"]
    assert len(saved.ok("submit", "--template=sweep").splitlines()) == 3
    (one,) = saved.ok("submit", "--template=sweep", "--cc=7", "--dry-run").splitlines()
    assert json.loads(one)["command"] == ["echo", "7"]


def test_a_job_that_can_never_start_is_told_without_submitting_it(saved: Program) -> None:
    assert saved("submit", "--check", "hostname").status == 0
    before = saved.ok("jobs", "-a", "-o", "{id}")
    done = saved("submit", "--check", "--template=greet", "-n", "100000")
    assert (done.status, "can never start" in done.out) == (1, True)
    done = saved("submit", "--check", "-N", "3", "-n", "1", "hostname")
    assert done.status == 1
    assert done.out.startswith("refused: --nodes: must not be above --ntasks")
    assert saved.ok("jobs", "-a", "-o", "{id}") == before

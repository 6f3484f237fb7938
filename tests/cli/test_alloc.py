"""``fluxapi alloc --bg``: the job that it submits, and instances that start."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fluxapi.model.jobspec import Defaults, build
from tests.running import needs_flux, run_flux

from .program import Program

CASES = [
    ["-n1"],
    ["-N2"],
    ["-N2", "-n4", "-c2", "-g1", "-t5"],
    ["-n1", "sleep", "10"],
    ["-n1", "--", "flux", "run", "-n2", "hostname"],
    ["-n1", "--broker-opts=-v,-Sa=1", "--dump", "--conf=a.b=1", "--job-name=mine"],
    ["-n1", "--queue=debug", "--bank=b", "-x", "-N1", "-o", "x.y=2", "--setattr=user.z=3"],
    ["-n1", "-u", "--signal=SIGTERM@2m", "--dependency=afterok:f1", "-o", "pty.capture=0"],
]


@needs_flux
@pytest.mark.parametrize("words", CASES, ids=" ".join)
def test_it_is_what_flux_alloc_makes(run: Program, tmp_path: Path, words: list[str]) -> None:
    done = run_flux("alloc", "--bg", "--dry-run", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    fields = json.loads(run.ok("alloc", "--bg", "--dry-run", *words))
    ours = plain(json.loads(build(fields, Defaults()).jobspec))
    if '"exit-timeout"' not in done.stdout:  # an older release of Flux
        del ours["attributes"]["system"]["shell"]["options"]["exit-timeout"]
    assert ours == plain(json.loads(done.stdout))


def plain(document: dict[str, Any]) -> dict[str, Any]:
    """Return a jobspec without what the two submitters inherit from their environments."""
    system = document["attributes"]["system"]
    del system["environment"]
    system.pop("cwd", None)
    system["shell"]["options"].pop("rlimit", None)
    return document


def test_an_instance_that_cannot_start_is_refused(run: Program) -> None:
    done = run("alloc", "-n1")
    assert (done.status, "use --bg" in done.err) == (2, True)
    done = run("alloc", "--bg", "-N2", "-n1")
    assert (done.status, "must not be above -n 1" in done.err) == (2, True)
    done = run("alloc", "--bg", "--dry-run", "-n1", "--dependency=1x", "--cwd=sub")
    assert (done.status, done.out) == (1, "")
    assert "--dependency: must be a dependency" in done.err
    assert "--cwd: must be an absolute path" in done.err
    done = run("alloc", "--bg", "-n1")
    assert (done.status, "alloc needs Flux" in done.err) == (1, True)


@needs_flux
def test_an_instance_accepts_jobs_once_its_id_is_printed(run_on_flux: Program) -> None:
    (jobid,) = run_on_flux("alloc", "--bg", "-N2").lines
    done = run_on_flux("--instance", jobid, "submit", "--watch", "--quiet", "-N2", "echo", "in")
    assert (done.status, done.out) == (0, "in\nin\n")
    run_on_flux.ok("cancel", "--yes", jobid)
    assert run_on_flux("wait", jobid).status != 0


@needs_flux
def test_an_instance_that_does_not_start_is_reported(run_on_flux: Program) -> None:
    done = run_on_flux("alloc", "--bg", "-n1", "--broker-opts=--no-such-option")
    assert (done.status, done.out) == (1, "")
    assert "ended before its instance started" in done.err

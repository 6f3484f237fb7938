"""Jobs and outputs that end with the service or its instance are stored before."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from fluxapi.archive.stored_output import OutputState
from tests.running import needs_flux, own_environment, read_start
from tests.running import service as run
from tests.waiting import block_until

from .test_service import outputs, stored

SCRIPT = "echo begun; exec sleep 600"


def post(url: str, path: str, body: Any) -> Any:
    request = urllib.request.Request(  # noqa: S310 - it is ours
        url.rstrip("/") + path,
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - it is ours
        return json.loads(answer.read())


def begun(url: str) -> str:
    """Submit a job that goes on, and return its ID once it has written something."""
    jobid: str = post(url, "/v1/jobs", {"command": ["sh", "-c", SCRIPT]})["id"]

    def has_begun() -> bool:
        with urllib.request.urlopen(f"{url}/v1/jobs/{jobid}/output", timeout=60) as answer:  # noqa: S310
            return b"begun" in answer.read()

    block_until(has_begun)
    return jobid


def check(folder: Path, jobid: str) -> None:
    record, detail, _ = stored(folder)[jobid]
    assert record["state"] == "INACTIVE"
    assert b'"clean"' in detail.eventlog
    assert outputs(folder)[jobid] == (OutputState.STORED, "begun\n")


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["SIGTERM", "service", "instance"])
def test_jobs_that_the_end_of_the_service_ends_are_stored(tmp_path: Path, ending: str) -> None:
    with run(FLUXAPI_INSTANCE="embedded", FLUXAPI_STATEDIR=str(tmp_path)) as service:
        jobid = begun(service.url)
        if ending == "SIGTERM":
            service.end()
        else:
            post(service.url, "/v1/service/stop", {"instance": ending == "instance"})
            service.process.wait(60)
    check(tmp_path, jobid)


@needs_flux
@pytest.mark.slow
@pytest.mark.parametrize(("inside", "whole"), [(True, False), (True, True), (False, True)])
def test_the_results_of_a_flux_that_is_shut_down_are_stored(
    tmp_path: Path, inside: bool, whole: bool
) -> None:
    serve = [sys.executable, "-m", "fluxapi", "serve", "--port", "0", "--statedir", str(tmp_path)]
    outside = 'echo "$FLUX_URI"; flux queue idle --quiet; read -r _ || true'
    command = ["flux", "start", *(serve if inside else ["sh", "-c", outside])]
    with subprocess.Popen(
        command,
        env=own_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as instance:
        assert instance.stdout is not None
        if inside:
            _, url = read_start(instance.stdout)
            jobid = begun(url) if whole else finished(url)
            post(url, "/v1/service/stop", {"instance": whole})
        else:
            uri = instance.stdout.readline().strip()
            with run(FLUX_URI=uri, FLUXAPI_STATEDIR=str(tmp_path)) as service:
                jobid = begun(service.url)
                post(service.url, "/v1/service/stop", {"instance": whole})
                service.process.wait(120)
        instance.communicate(timeout=120)
        if inside:
            # Flux aborts its initial program if the whole instance is stopped.
            assert instance.returncode == int(whole)
    check(tmp_path, jobid)


def finished(url: str) -> str:
    """Run a job whose end the service tells of just now, and return its ID."""
    jobid: str = post(url, "/v1/jobs", {"command": ["sh", "-c", "echo begun"]})["id"]
    with urllib.request.urlopen(f"{url}/v1/jobs/{jobid}/wait", timeout=60) as answer:  # noqa: S310
        assert json.loads(answer.read())
    return jobid

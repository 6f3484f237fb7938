"""The parts of the service in ``/proc`` that a job, which runs as the same user, can read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator

import pytest

import fluxapi
from tests.running import Service, clean_environment, may_run, read_start

NOBODY = 65534
ROOT_SEES_ALL = os.geteuid() == 0
"""Nothing can be hidden from root, so the service runs as somebody else then."""

FILES = ("mem", "environ", "maps", "fd/0", "cwd", "auxv")


USER = NOBODY if ROOT_SEES_ALL else None

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not sys.platform.startswith("linux") or not may_run(USER),
        reason=f"only Linux has /proc, and user {NOBODY} must be able to read {fluxapi.__file__}",
    ),
]


@pytest.fixture
def running() -> Iterator[Service]:
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            [sys.executable, "-m", "fluxapi", "serve", "--port=0", "--instance=embedded"],
            env=clean_environment(HOME=folder),
            stdout=subprocess.PIPE,
            text=True,
            cwd="/",
            user=USER,
        ) as process,
    ):
        lines, url = read_start(process.stdout)
        try:
            yield Service(process, url, lines)
        finally:
            process.terminate()


def run(service: Service, **job: object) -> str:
    """Run a job and return what it wrote."""
    request = urllib.request.Request(  # noqa: S310 - it is ours
        f"{service.url}/v1/jobs",
        data=json.dumps(job).encode(),
        headers={"Content-Type": "application/json"},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        jobid = json.load(answer)["id"]
    service.get(f"/v1/jobs/{jobid}/wait?timeout=30")
    return service.read(f"/v1/jobs/{jobid}/output").decode()


def test_a_job_reads_neither_the_service_nor_the_sweeper(running: Service) -> None:
    attempt = f"for f in {' '.join(FILES)}; do (: </proc/$1/$f) 2>/dev/null && echo read: $f; done"
    pid = running.process.pid
    # It can be read of the job itself, so the attempt is one.
    own = run(running, command=["sh", "-c", attempt.replace("$1", "self")])
    assert "read: environ" in own
    assert "read: mem" in own
    listing = subprocess.run(
        ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(pid)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    sweeper = [line.split()[0] for line in listing.splitlines() if "sweeper" in line]
    assert len(sweeper) == 1
    for target in (str(pid), *sweeper):
        found = run(running, command=["sh", "-c", attempt.replace("$1", target) + "; echo end"])
        assert json.loads(found) == {"Output": ["end\n"]}


def test_a_service_that_is_hidden_still_counts_itself(running: Service) -> None:
    assert b"process_open_fds" in running.read("/metrics")
    assert b"process_resident_memory_bytes" in running.read("/metrics")

"""``fluxapi serve`` as a process: how it begins, what it says, how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.running import (
    flux_instance,
    needs_flux,
    new_service,
    own_environment,
    read_start,
    service,
)
from tests.waiting import block_until

pytestmark = pytest.mark.slow

EMBEDDED = "--instance=embedded"

SLEEPS = (f"sleep 1000.{os.getpid()}", f"sleep 1001.{os.getpid()}")
"""Commands that no other process of this machine runs."""


def refusal(*flags: str, **environ: str) -> tuple[int, str]:
    """Exit status and standard error of a start that must fail."""
    done = subprocess.run(
        [sys.executable, "-m", "fluxapi", "serve", "--port=0", *flags],
        env=own_environment(**environ),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr


def post(url: str, body: Any = None) -> dict[str, Any]:
    request = urllib.request.Request(  # noqa: S310 - it is ours
        url,
        data=b"" if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        return json.load(answer)  # type: ignore[no-any-return]


def test_without_a_broker_it_says_so_and_serves() -> None:
    with new_service() as running:
        assert "embedded" in running.lines[0]
        assert "FLUX_URI" in running.lines[0]
        assert running.get("/")["instance"] == "embedded"


@needs_flux
def test_with_a_broker_it_takes_that() -> None:
    with flux_instance(1) as uri, service(FLUX_URI=uri) as running:
        assert running.lines[0].startswith("Instance: Flux ")
        assert running.get("/")["instance"] == "flux"


@needs_flux
@pytest.mark.parametrize("size", [1, 4])
def test_flux_start_ends_when_the_service_is_stopped(size: int) -> None:
    command = ["flux", "start", f"--test-size={size}", sys.executable, "-m", "fluxapi", "serve"]
    with subprocess.Popen(
        [*command, "--port=0"], env=own_environment(), stdout=subprocess.PIPE, text=True
    ) as process:
        url = read_start(process.stdout)[1]
        assert "Message" in post(f"{url}/service/stop")
        assert process.wait(60) == 0


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_gracefully(signum: int) -> None:
    with service(EMBEDDED) as running:
        assert running.end(signum) == 0


def test_a_request_in_flight_is_answered_at_the_end() -> None:
    with service(EMBEDDED) as running:
        job = post(f"{running.url}/v1/jobs", {"command": "sleep 0.5"})["id"]
        answers: list[dict[str, Any]] = []
        waiting = threading.Thread(
            target=lambda: answers.append(running.get(f"/v1/jobs/{job}/wait?timeout=30"))
        )
        waiting.start()
        # One is this request for the metrics itself, the other the one that waits.
        block_until(lambda: "fluxapi_requests_under_way 2.0" in _metrics(running.url))
        assert running.end() == 0
        waiting.join(30)
        assert answers[0]["id"] == job


def _metrics(url: str) -> list[str]:
    """Return the metrics."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=30) as answer:  # noqa: S310
        return answer.read().decode().splitlines()  # type: ignore[no-any-return]


def test_no_job_outlives_the_service() -> None:
    with service(EMBEDDED) as running:
        first, second = SLEEPS
        post(f"{running.url}/v1/jobs", {"command": f"sh -c '{first} & exec {second}'"})
        block_until(lambda: len(_sleepers()) == 2)
        pids = _sleepers()
        running.end()
    assert not [pid for pid in pids if _alive(pid)]


def _alive(pid: int) -> bool:
    """Return whether a process runs; one that init has yet to collect does not."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return text.rpartition(")")[2].split()[0] != "Z"


def _sleepers() -> list[int]:
    """Return the sleeps of the job that run."""
    listing = subprocess.run(
        ["ps", "-e", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split(None, 2) for line in listing.splitlines()]
    return [int(pid) for pid, _, args in rows if args in SLEEPS]


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="there is no IPv6 on this machine")
def test_the_wildcard_of_ipv6_answers_on_ipv4_too() -> None:
    with service(EMBEDDED, "--insecure", HOST="::") as running:
        port = running.url.rpartition(":")[2]
        for host in ("127.0.0.1", "[::1]", "localhost"):
            url = f"http://{host}:{port}/health"
            with urllib.request.urlopen(url, timeout=60) as answer:
                assert answer.status == 200


def test_a_taken_port_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, said = refusal(EMBEDDED, f"--port={port}")
    assert status == 2
    assert said.startswith(
        f"fluxapi: Cannot listen on 127.0.0.1 port {port}: Address already in use. Choose"
    )
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("flags", "environ", "words"),
    [
        (["--host=0.0.0.0"], {}, "without auth"),
        ([], {"FLUX_REQUIRE_AUTH": "yes"}, "--user or set FLUX_USER"),
        ([], {"FLUX_ACCESS_TOKEN_EXPIRES_MINUTES": "soon"}, "whole number"),
        (["--max-streams=0"], {}, "whole number above 0"),
        (["--statedir=/proc/none/state"], {}, "directory /proc/none/state cannot be created: No"),
    ],
)
def test_an_unusable_setting_stops_the_start(
    flags: list[str], environ: dict[str, str], words: str
) -> None:
    status, said = refusal(EMBEDDED, *flags, **environ)
    assert (status, said.count("\n")) == (2, 1)
    assert words in said


@needs_flux
def test_a_broker_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    status, said = refusal("--instance=flux", FLUX_URI=f"local://{tmp_path}/none")
    assert status == 1
    assert "Traceback" not in said


def test_secrets_do_not_reach_children_or_the_process_list() -> None:
    secret = "s3cret-" + os.urandom(8).hex()
    secrets = {"FLUX_TOKEN": secret, "FLUX_SECRET_KEY": secret}
    with new_service(EMBEDDED, FLUX_USER="u", **secrets) as running:
        post(f"{running.url}/v1/jobs", {"command": "sleep 1002"})
        listing = subprocess.run(
            ["ps", "-e", "-o", "args="], capture_output=True, text=True, check=True
        ).stdout
        children = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(running.process.pid)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        environments = [Path(f"/proc/{pid}/environ").read_bytes() for pid in children]
        own = Path(f"/proc/{running.process.pid}/environ").read_bytes()
    assert secret not in listing
    assert secret.encode() not in own
    assert environments
    assert not [text for text in environments if secret.encode() in text]

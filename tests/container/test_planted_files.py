"""The programs of the container and files that a job has put where the entrypoint keeps its own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import needs_flux

from .test_entrypoint import ROOT, SECRET, check_health, container, environment

PRESTOP = ROOT / "container" / "prestop.sh"


def plant(folder: Path, kind: str, name: str) -> None:
    """Put something of *kind* where the entrypoint writes the file *name*."""
    place = folder / "fluxapi.0planted"
    secret = folder / "secret"
    secret.write_text(f"{SECRET}\n1\n", encoding="utf-8")
    if kind == "linked folder":
        real = folder / "real"
        real.mkdir()
        (real / name).write_text(f"{SECRET}\n1\n", encoding="utf-8")
        place.symlink_to(real)
        return
    place.mkdir()
    if kind == "link":
        (place / name).symlink_to(secret)
    elif kind == "hard link":
        os.link(secret, place / name)
    elif kind == "pipe":
        os.mkfifo(place / name)
    elif kind == "directory":
        (place / name).mkdir()
    elif kind == "zeros":
        (place / name).symlink_to("/dev/zero")
    else:
        (place / name).write_bytes(b"\xff\x00" * 5000)


KINDS = ["link", "hard link", "linked folder", "pipe", "directory", "zeros", "bytes"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_health_check_reads_no_other_file(kind: str, tmp_path: Path) -> None:
    # Else it would look up a secret as a host, or wait for a pipe.
    plant(tmp_path, kind, "address")
    with socket.create_server(("127.0.0.1", 0)) as service:
        port = service.getsockname()[1]
        noted = tmp_path / "fluxapi.own"
        noted.mkdir()
        (noted / "address").write_text(f"127.0.0.1\n{port}\n", encoding="utf-8")
        os.utime(noted / "address", (1, 1))
        service.settimeout(30)
        with subprocess.Popen(
            [sys.executable, ROOT / "container" / "healthcheck.py"],
            env=environment(TMPDIR=str(tmp_path)),
            stderr=subprocess.PIPE,
        ) as check:
            connection, _ = service.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            assert check.wait(30) == 0


def test_a_note_that_names_no_address_is_passed_over(tmp_path: Path) -> None:
    plant(tmp_path, "bytes", "address")
    done = check_health(TMPDIR=str(tmp_path), HOST="127.0.0.1", PORT="1")
    assert done.returncode == 1
    assert "does not answer" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_the_stop_hook_waits_for_no_other_file(kind: str, tmp_path: Path) -> None:
    plant(tmp_path, kind, "pid")
    done = subprocess.run(
        ["bash", PRESTOP],
        env=environment(TMPDIR=str(tmp_path)),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0
    assert not done.stderr


def can_hold() -> bool:
    """Return whether this Flux can start without its scheduler and load it later."""
    command = ["flux", "modprobe", "--help"]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


@needs_flux
@pytest.mark.skipif(not can_hold(), reason="this Flux has no flux modprobe")
def test_no_job_is_resumed_before_the_service_has_its_secrets(tmp_path: Path) -> None:
    # Jobs of the state directory start as soon as there is a scheduler, so it comes last.
    listing = tmp_path / "modules"
    script = tmp_path / "rc1.d" / "list"
    script.parent.mkdir()
    script.write_text(f"#!/bin/sh\nflux module list > {listing}\n", encoding="utf-8")
    script.chmod(0o755)
    kept = {"FLUXAPI_STATEDIR": str(tmp_path / "kept"), "FLUX_RC_EXTRA": str(tmp_path)}
    with container(FLUX_TOKEN=SECRET, **kept) as running:
        body = {"command": "sh -c 'echo ${FLUX_SCHED_MODULE-usual}'"}
        job = running.call("/v1/jobs", body, SECRET)["id"]
        ended = running.call(f"/v1/jobs/{job}/wait?timeout=60", token=SECRET)
        assert ended["result"] == "COMPLETED"
        assert "usual" in json.dumps(running.call(f"/v1/jobs/{job}/output", token=SECRET))
        running.process.terminate()
        assert running.process.wait(60) == 0
    modules = listing.read_text("utf-8")
    assert "job-manager" in modules
    assert "sched" not in modules


@needs_flux
def test_no_code_in_the_home_of_the_jobs_runs_at_the_start(tmp_path: Path) -> None:
    # Python runs such a file whenever it starts, and bash if its input is a socket, as Flux has it.
    told = tmp_path / "told"
    planted = (
        f"import sys\nwith open({str(told)!r}, 'a') as file:\n    print(sys.argv, file=file)\n"
    )
    for minor in range(9, 20):
        folder = tmp_path / f".local/lib/python3.{minor}/site-packages"
        folder.mkdir(parents=True)
        (folder / "usercustomize.py").write_text(planted, encoding="utf-8")
    (tmp_path / ".bashrc").write_text(f"echo $BASH_EXECUTION_STRING >> {told}\n", encoding="utf-8")
    with container(FLUX_TOKEN=SECRET, HOME=str(tmp_path), SHLVL="0") as running:
        body = {"command": "sh -c 'echo user ${PYTHONNOUSERSITE-too}'"}
        job = running.call("/v1/jobs", body, SECRET)["id"]
        running.call(f"/v1/jobs/{job}/wait?timeout=60", token=SECRET)
        assert "user too" in json.dumps(running.call(f"/v1/jobs/{job}/output", token=SECRET))
    assert not told.exists(), told.read_text("utf-8")

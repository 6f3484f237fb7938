"""``fluxapi serve`` as a process: on Unix sockets, on those of systemd, with a certificate."""

from __future__ import annotations

import contextlib
import http.client
import shutil
import signal
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from fluxapi.client import Client
from tests.certificates import make_certificate, needs_openssl
from tests.running import own_environment, read_start, service

pytestmark = pytest.mark.slow

EMBEDDED = "--instance=embedded"
SERVE = [sys.executable, "-m", "fluxapi", "serve", EMBEDDED]


def status(path: Path | str, target: str = "/health") -> int:
    """Return the status that a Unix socket answers."""
    with contextlib.closing(http.client.HTTPConnection("localhost")) as connection:
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(str(path))
        connection.request("GET", target)
        return connection.getresponse().status


def test_a_service_on_a_socket_and_a_port(tmp_path: Path) -> None:
    path = tmp_path / "flux.sock"
    flags = (EMBEDDED, "--listen", f"unix:{path}", "--listen", "127.0.0.1:0")
    with service(*flags) as running:
        assert running.url == f"unix:{path}"
        assert running.lines[-2].startswith("Another address: http://127.0.0.1:")
        assert status(path, "/v1/jobs") == 200
        second = subprocess.run(
            [*SERVE, *flags],
            env=own_environment(), capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert second.returncode == 2
        assert second.stderr.count("\n") == 1
        assert "Another service listens" in second.stderr
        assert status(path) == 200
        assert running.end() == 0
    assert not path.exists()


def test_a_service_that_was_killed_leaves_a_socket_that_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "flux.sock"
    with service(EMBEDDED, "--listen", f"unix:{path}") as running:
        running.end(signal.SIGKILL)
    assert path.is_socket()
    with service(EMBEDDED, "--listen", f"unix:{path}"):
        assert status(path) == 200


def test_on_a_socket_only_the_owner_is_said_to_run_jobs(tmp_path: Path) -> None:
    with service(EMBEDDED, "--listen", f"unix:{tmp_path}/s") as running:
        assert running.lines[1].startswith("Authentication: off, only ")


@pytest.mark.skipif(
    shutil.which("systemd-socket-activate") is None, reason="there is no systemd-socket-activate"
)
def test_a_socket_of_systemd_is_served(tmp_path: Path) -> None:
    path = tmp_path / "flux.sock"
    command = ["systemd-socket-activate", f"--listen={path}", *SERVE]
    environ = own_environment(SYSTEMD_LOG_TARGET="console", SYSTEMD_LOG_LEVEL="info")
    with subprocess.Popen(
        command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        try:
            assert f"Listening on {path} " in process.stderr.readline()
            assert status(path) == 200  # the connection starts the service
            assert read_start(process.stdout)[1] == f"unix:{path}"
        finally:
            process.terminate()
            process.wait(60)


@needs_openssl
def test_sighup_has_the_certificate_read_again(tmp_path: Path) -> None:
    cert, key = make_certificate(tmp_path)
    first = cert.read_text("utf-8")
    command = [*SERVE, "--port=0", f"--tls-cert={cert}", f"--tls-key={key}"]
    with subprocess.Popen(
        command, env=own_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        place = urlsplit(read_start(process.stdout)[1])
        address = (place.hostname or "", place.port or 0)
        assert place.scheme == "https"
        assert process.stderr is not None
        cert.write_text("broken", encoding="utf-8")
        process.send_signal(signal.SIGHUP)
        while "the old certificate stays" not in process.stderr.readline():
            assert process.poll() is None
        assert ssl.get_server_certificate(address).split() == first.split()
        make_certificate(tmp_path)
        process.send_signal(signal.SIGHUP)
        while "reloaded certificate" not in process.stderr.readline():
            assert process.poll() is None
        assert ssl.get_server_certificate(address).split() == cert.read_text("utf-8").split()
        process.terminate()
        assert process.wait(60) == 0


@needs_openssl
def test_streams_and_long_output_come_through_https(tmp_path: Path) -> None:
    cert, key = make_certificate(tmp_path)
    script = "i=0; while [ $i -lt 40000 ]; do echo a line of the output; i=$((i+1)); done"
    with (
        service(EMBEDDED, f"--tls-cert={cert}", f"--tls-key={key}") as running,
        Client(running.url, ca_file=cert) as client,
    ):
        jobid = client.submit(["sh", "-c", script])
        followed = [entry.data for entry in client.follow_output(jobid) if entry.data]
        assert "".join(followed) == "a line of the output\n" * 40_000
        assert client.wait(jobid).result == "COMPLETED"
        assert client.output(jobid).stdout == "a line of the output\n" * 40_000
        for change in client.watch():
            assert change is not None
            break


@needs_openssl
def test_a_broken_certificate_stops_the_start_with_one_sentence(tmp_path: Path) -> None:
    cert, key = make_certificate(tmp_path)
    key.write_text("broken", encoding="utf-8")
    done = subprocess.run(
        [*SERVE, f"--tls-cert={cert}", f"--tls-key={key}"],
        env=own_environment(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "--tls-key" in done.stderr

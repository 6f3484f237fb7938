"""The entrypoint of the container as a program of this machine, in front of a real Flux."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.running import needs_flux, own_environment

ROOT = Path(__file__).parents[2]
ENTRYPOINT = ROOT / "container" / "entrypoint.sh"
HEALTHCHECK = ROOT / "container" / "healthcheck.py"

SECRET = "s3cret-" + os.urandom(8).hex()


def environment(**variables: str) -> dict[str, str]:
    """Return an environment with this fluxapi on PATH, on loopback."""
    path = f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"
    return own_environment(**{"PATH": path, "HOST": "127.0.0.1", "PORT": "0", **variables})


@dataclass
class Container:
    """The entrypoint, running; ``said`` is what it wrote to standard error."""

    process: subprocess.Popen[str]
    url: str = ""
    said: list[str] = field(default_factory=list)

    def call(self, path: str, body: Any = None, token: str = "", user: str = "fluxuser") -> Any:
        """Return the JSON at a path; ``body`` makes it a POST."""
        headers = {"Content-Type": "application/json"}
        if token:
            words = base64.b64encode(f"{user}:{token}".encode()).decode()
            headers["Authorization"] = f"Basic {words}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers)  # noqa: S310 - it is ours
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return json.load(answer)

    @property
    def token(self) -> str:
        """The token that it made up and told."""
        (line,) = [line for line in self.said if " with token " in line]
        return line.rpartition(" with token ")[2].strip()


@contextlib.contextmanager
def container(*arguments: str, **variables: str) -> Iterator[Container]:
    """Run the entrypoint while the context lasts; the service answers."""
    with subprocess.Popen(
        [ENTRYPOINT, *arguments],
        env=environment(**variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        running = Container(process)
        assert process.stdout is not None
        assert process.stderr is not None
        listening = threading.Thread(target=running.said.extend, args=(process.stderr,))
        listening.start()
        try:
            for line in process.stdout:
                if " answers at " in line:
                    running.url = line.split(" answers at ")[1].strip()
                    yield running
                    break
            else:
                listening.join(60)
                pytest.fail(f"it did not start: {running.said}")
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(60)
            listening.join(60)


def status_of(running: Container, path: str, token: str = "") -> int:
    try:
        running.call(path, token=token)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    return 200


@needs_flux
def test_without_a_token_it_generates_one_and_prints_it_once() -> None:
    with container() as running:
        token = running.token
        assert len(token) == 48
        assert status_of(running, "/v1/jobs") == 401
        assert status_of(running, "/v1/jobs", token) == 200
        assert running.call("/", token=token)["instance"] == "flux"
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(60) == 0
    assert sum(token in line for line in running.said) == 1


@needs_flux
def test_two_starts_have_two_tokens() -> None:
    with container() as one, container() as other:
        assert one.token != other.token


@needs_flux
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_gracefully(signum: int) -> None:
    with container(FLUX_TOKEN=SECRET) as running:
        running.process.send_signal(signum)
        assert running.process.wait(60) == 0


@needs_flux
def test_a_signal_ends_several_brokers(tmp_path: Path) -> None:
    options = {"FLUXAPI_START_OPTIONS": "--test-size=2", "TMPDIR": str(tmp_path)}
    with container(FLUX_TOKEN=SECRET, **options) as running:
        assert running.call("/", token=SECRET)["size"] == 2
        running.process.terminate()
        assert running.process.wait(60) == 0
    assert not list(tmp_path.glob("fluxapi.*"))


@needs_flux
def test_the_stop_of_the_service_ends_it() -> None:
    with container(FLUX_TOKEN=SECRET) as running:
        assert "Message" in running.call("/service/stop", {}, SECRET)
        assert running.process.wait(60) == 0


def processes(root: int) -> list[Path]:
    """Return a process and all its descendants, as folders of /proc."""
    listing = subprocess.run(
        ["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
    ).stdout
    children: dict[int, list[int]] = {}
    for line in listing.splitlines():
        pid, parent = map(int, line.split())
        children.setdefault(parent, []).append(pid)
    found, rest = [], [root]
    while rest:
        pid = rest.pop()
        found.append(Path(f"/proc/{pid}"))
        rest += children.get(pid, [])
    return found


def readable(root: int, name: str) -> bytes:
    """Return all text that /proc shows of a process and its living descendants."""
    text = b""
    for place in processes(root):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            text += (place / name).read_bytes()
    return text


@needs_flux
@pytest.mark.parametrize("source", ["variable", "file"])
def test_no_secret_in_environments_process_list_or_logs(source: str, tmp_path: Path) -> None:
    key = SECRET + "-key"
    given = {"FLUX_TOKEN": SECRET, "FLUX_SECRET_KEY": key}
    if source == "file":
        for name, text in list(given.items()):
            (tmp_path / name).write_text(text + "\n", encoding="utf-8")
            given[f"{name}_FILE"] = str(tmp_path / name)
            del given[name]
    folder = tmp_path / "tmp"
    folder.mkdir()
    # Variables of the names that the script uses for secrets of its own.
    taken = {"token": "other", "key": "other", "auth": "other"}
    with container("--log-level=debug", TMPDIR=str(folder), **given, **taken) as running:
        pid = running.process.pid
        environments = readable(pid, "environ")
        commands = readable(pid, "cmdline")
        assert b"FLUX_USER=fluxuser" in environments
        assert b"--token-file" in commands
        assert SECRET.encode() not in environments + commands
        job = running.call("/v1/jobs", {"command": "env"}, SECRET)["id"]
        running.call(f"/v1/jobs/{job}/wait?timeout=60", token=SECRET)
        output = json.dumps(running.call(f"/v1/jobs/{job}/output", token=SECRET))
        assert "FLUX_JOB_ID" in output
        assert SECRET not in output
        left = [path for path in folder.rglob("*") if path.parent.name.startswith("fluxapi.")]
        assert {path.name for path in left} == {"address", "pid"}
        running.process.terminate()
        assert running.process.wait(60) == 0
    assert SECRET not in "".join(running.said)


@needs_flux
def test_auth_is_off_only_when_asked_for_and_says_so() -> None:
    with container(FLUX_REQUIRE_AUTH="false") as running:
        assert status_of(running, "/v1/jobs") == 200
    assert any("auth is off" in line for line in running.said)


def check_health(**variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, HEALTHCHECK],
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@needs_flux
def test_the_health_check_fails_when_the_service_is_gone(tmp_path: Path) -> None:
    with container(FLUX_TOKEN=SECRET, TMPDIR=str(tmp_path)) as running:
        port = running.url.rpartition(":")[2]
        (note,) = tmp_path.glob("fluxapi.*/address")
        for host in ("127.0.0.1", "0.0.0.0", "localhost", ""):
            note.write_text(f"{host}\n{port}\n", encoding="utf-8")
            # The variables may say something else: a flag of the service comes first.
            assert check_health(TMPDIR=str(tmp_path), PORT="1").returncode == 0
        running.process.terminate()
        assert running.process.wait(60) == 0
    dead = check_health(TMPDIR=str(tmp_path), HOST="127.0.0.1", PORT=port)
    assert dead.returncode == 1
    assert "does not answer" in dead.stderr
    assert "Traceback" not in dead.stderr


STAND_IN = """#!/bin/sh
# In place of fluxapi: what it was started with.
printf 'argument %s\\n' "$@"
env
for fd in 3 4; do [ ! -s /dev/fd/$fd ] || printf 'secret %s\\n' "$(cat /dev/fd/$fd)"; done
cat "${TMPDIR:-/tmp}"/fluxapi.*/address 2> /dev/null | tr '\\n' ' '
"""
FLUX_STAND_IN = """#!/bin/sh
# In place of flux start: the options, then the initial program as it is.
echo "flux $@"
shift
while [ "${1#-}" != "$1" ]; do shift; done
FLUX_URI=local:///none exec "$@"
"""


def run_stand_ins(
    folder: Path, *arguments: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run the entrypoint with programs on PATH that only tell how they were started."""
    for name, text in (("fluxapi", STAND_IN), ("flux", FLUX_STAND_IN)):
        (folder / name).write_text(text, encoding="utf-8")
        (folder / name).chmod(0o755)
    given = environment(TMPDIR=str(folder), **variables)
    given["PATH"] = f"{folder}:{os.environ['PATH']}"
    return subprocess.run(
        [ENTRYPOINT, *arguments],
        env=given,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("flags", [("--help",), ("serve", "-h"), ("--port", "1", "--help")])
def test_help_starts_no_flux(flags: tuple[str, ...], tmp_path: Path) -> None:
    done = run_stand_ins(tmp_path, *flags)
    assert done.returncode == 0
    assert "argument serve\n" in done.stdout
    assert "flux start" not in done.stdout
    assert "token" not in done.stderr


@pytest.mark.parametrize(
    ("flags", "shown"),
    [
        ((), "http://127.0.0.1:0 "),
        (("--port", "8080"), "http://127.0.0.1:8080 "),
        (("--port=8080", "--host=0.0.0.0"), "http://localhost:8080 "),
        (("--host", "::"), "http://localhost:0 "),
        (("--host", "::1"), "http://[::1]:0 "),
    ],
)
def test_a_flag_for_the_address_is_announced_and_noted(
    flags: tuple[str, ...], shown: str, tmp_path: Path
) -> None:
    done = run_stand_ins(tmp_path, *flags)
    assert f"open {shown}as user fluxuser with token" in done.stderr
    host, port = shown.removeprefix("http://").strip().rsplit(":", 1)
    noted = done.stdout.splitlines()[-1].split()
    assert noted[1] == port
    assert noted[0].replace("0.0.0.0", "localhost") in {host, host.strip("[]"), "::"}


HOSTS_OF_A_POD = """
# Kubernetes-managed hosts file.
127.0.0.1\tlocalhost
10.244.0.7\tfluxapi-0.flux-pods.lab.svc.cluster.local\tfluxapi-0
10.244.0.8\tother.example\tother
"""
NAMES_OF_A_POD = {
    "fluxapi-0",
    "fluxapi-0.flux-pods",
    "fluxapi-0.flux-pods.lab",
    "fluxapi-0.flux-pods.lab.svc",
    "fluxapi-0.flux-pods.lab.svc.cluster.local",
}
NAMES_OF_A_SERVICE = {"fluxapi", "fluxapi.lab", "fluxapi.lab.svc", "fluxapi.lab.svc.cluster.local"}


@pytest.mark.parametrize(
    ("hostname", "hosts", "given", "expected"),
    [
        ("fluxapi-0", HOSTS_OF_A_POD, "", NAMES_OF_A_POD),
        ("fluxapi-0", HOSTS_OF_A_POD, "fluxapi", NAMES_OF_A_POD | NAMES_OF_A_SERVICE),
        (
            "fluxapi-0",
            HOSTS_OF_A_POD,
            "flux.example.org",
            NAMES_OF_A_POD | {"flux.example.org"},
        ),
        ("0a1b", "172.17.0.2\t0a1b\n", "fluxapi", {"0a1b", "fluxapi"}),
        ("0a1b", "127.0.0.1\tlocalhost\n", "", set()),
        ("0a1b", "172.17.0.2\t0a1b * $(id) a,b\n", "", {"0a1b"}),
    ],
)
def test_the_names_in_the_network_of_the_container_are_allowed(
    hostname: str, hosts: str, given: str, expected: set[str], tmp_path: Path
) -> None:
    path = tmp_path / "hosts"
    path.write_text(hosts, encoding="utf-8")
    files = {"FLUXAPI_HOSTS_FILE": str(path), "FLUXAPI_ALLOWED_HOSTS": given}
    done = run_stand_ins(tmp_path, FLUX_TOKEN=SECRET, HOSTNAME=hostname, **files)
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if "ALLOWED_HOSTS=" in line]
    assert set(filter(None, line.partition("=")[2].split(","))) == expected


def test_flux_keeps_its_jobs_in_the_state_directory(tmp_path: Path) -> None:
    kept = tmp_path / "state" / "jobs"
    options = {"FLUXAPI_STATEDIR": str(kept), "FLUXAPI_START_OPTIONS": "--test-size=2 -v"}
    done = run_stand_ins(tmp_path, FLUX_TOKEN=SECRET, **options)
    assert f"flux start --test-size=2 -v -Sstatedir={kept} " in done.stdout
    assert kept.is_dir()
    assert f"secret {SECRET}\n" in done.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_root_reads_the_token_and_becomes_another_user(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(SECRET, encoding="utf-8")
    file.chmod(0o400)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        run_as = {"FLUXAPI_RUN_AS": "daemon", "FLUX_TOKEN_FILE": str(file)}
        done = run_stand_ins(folder, **run_as)
    if "Permission denied" in done.stderr:
        pytest.skip("other users cannot read the entrypoint of this tree")
    assert f"secret {SECRET}\n" in done.stdout
    assert "HOME=/usr/sbin\n" in done.stdout


def test_another_program_runs_instead() -> None:
    done = subprocess.run(
        [ENTRYPOINT, "echo", "hello"],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("hello\n", "")


def test_a_token_file_that_is_not_there_stops_the_start() -> None:
    done = subprocess.run(
        [ENTRYPOINT],
        env=environment(FLUX_TOKEN_FILE="/none/such"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, "/none/such" in done.stderr) == (1, True)

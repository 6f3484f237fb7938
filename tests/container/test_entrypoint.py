"""The entrypoint of the container as a program of this machine, in front of a real Flux."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.running import clean_environment, needs_flux

ROOT = Path(__file__).parents[2]
ENTRYPOINT = ROOT / "container" / "entrypoint.sh"
HEALTHCHECK = ROOT / "container" / "healthcheck.py"

SECRET = "s3cret-" + os.urandom(8).hex()


def environment(**variables: str) -> dict[str, str]:
    """With this very fluxapi on PATH, and on loopback."""
    bin = Path(sys.executable).parent
    path = f"{bin}:{os.environ.get('PATH', '')}"
    return clean_environment(**{"PATH": path, "HOST": "127.0.0.1", "PORT": "0", **variables})


@dataclass
class Container:
    """The entrypoint, running; ``said`` is what it wrote to standard error."""

    process: subprocess.Popen[str]
    url: str = ""
    said: list[str] = field(default_factory=list)

    def call(self, path: str, body: Any = None, token: str = "", user: str = "fluxuser") -> Any:
        """The JSON at a path; ``body`` makes it a POST."""
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
    """The entrypoint while the context lasts, once the service answers."""
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
def test_without_a_token_it_makes_one_up_and_tells_it_once() -> None:
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
    """A process and all its descendants, as folders of /proc."""
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
    """What /proc shows of a process and its descendants that live."""
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
        (left,) = [path for path in folder.rglob("*") if path.parent.name.startswith("fluxapi.")]
        assert left.name == "pid"
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
def test_the_health_check_tells_life_from_death() -> None:
    with container(FLUX_TOKEN=SECRET) as running:
        port = running.url.rpartition(":")[2]
        for host in ("127.0.0.1", "0.0.0.0", "localhost", ""):
            assert check_health(HOST=host, PORT=port).returncode == 0
        running.process.terminate()
        assert running.process.wait(60) == 0
    dead = check_health(PORT=port)
    assert dead.returncode == 1
    assert "does not answer" in dead.stderr
    assert "Traceback" not in dead.stderr


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
    assert done.returncode == 1
    assert "/none/such" in done.stderr

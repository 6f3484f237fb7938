"""The end of the service: what it answers, what it drops, and that nothing holds it up."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from fluxapi.http.shutdown import Shutdown
from fluxapi.settings import Settings
from tests.lifecycle.test_signals import ROOT
from tests.running import Service, own_environment, read_start, service
from tests.waiting import block_until

pytestmark = pytest.mark.slow

EMBEDDED = "--instance=embedded"
FOREVER = "--shutdown-timeout=100000"
"""With it, a shutdown that waits for something does not end while a test lasts."""


def post(running: Service, path: str, body: Any) -> Any:
    request = urllib.request.Request(  # noqa: S310 - it is ours
        running.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        return json.load(answer)


def wait_for(running: Service, metric: str) -> None:
    """Return once ``/metrics`` has this line."""
    block_until(lambda: metric in running.read("/metrics").decode().splitlines())


def in_background(call: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(call()))
    thread.start()
    return thread, answers


def test_a_wait_is_answered_at_once_with_the_record_as_it_stands() -> None:
    with service(EMBEDDED, FOREVER) as running:
        job = post(running, "/v1/jobs", {"command": "sleep 100000"})["id"]
        path = f"/v1/jobs/{job}/wait?timeout=300"
        waiters = [in_background(lambda: running.get(path)) for _ in range(3)]
        # One is this request for the metrics itself.
        wait_for(running, "fluxapi_requests_under_way 4.0")
        assert running.end() == 0
        for thread, answers in waiters:
            thread.join(60)
            (answer,) = answers
            assert answer["id"] == job
            assert answer["state"] != "INACTIVE"


def unfinished(running: Service, path: str) -> socket.socket:
    """Open a connection and send the first part of a body."""
    parts = urlsplit(running.url)
    connection = socket.create_connection((parts.hostname or "", parts.port or 0), 60)
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    connection.sendall(f'{head}Content-Length: 1000\r\n\r\n{{"command":'.encode())
    return connection


def test_an_unfinished_body_is_dropped() -> None:
    with service(EMBEDDED, FOREVER) as running, unfinished(running, "/v1/jobs") as connection:
        wait_for(running, "fluxapi_requests_under_way 2.0")
        assert running.end() == 0
        with connection.makefile("rb") as answer:
            assert answer.readline() == b"HTTP/1.1 503 Service Unavailable\r\n"
            assert b"send it again" in answer.read()


def test_the_rest_of_a_refused_body_is_not_awaited() -> None:
    with (
        service(EMBEDDED, FOREVER) as running,
        unfinished(running, "/none") as connection,
        connection.makefile("rb") as answer,
    ):
        assert answer.readline() == b"HTTP/1.1 404 Not Found\r\n"
        assert running.end() == 0


def run_with(code: str, *flags: str) -> subprocess.Popen[str]:
    """Run the service as a process that *code* changes before it starts."""
    words = f"{code}\nimport sys\nfrom fluxapi.cli import main\nsys.exit(main())"
    return subprocess.Popen(
        [sys.executable, "-c", words, "serve", "--port=0", EMBEDDED, *flags],
        env=own_environment(), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip


STUCK_CLOSE = """
import threading
from fluxapi.instance.embedded.instance import EmbeddedInstance
async def close(self, timeout=0):
    threading.Event().wait()
EmbeddedInstance.close = close
"""
STUCK_THREAD = """
import asyncio, threading
from fluxapi.events.consumer import JournalConsumer
start = JournalConsumer.start
def stuck(self):
    start(self)
    asyncio.get_running_loop().run_in_executor(None, threading.Event().wait)
JournalConsumer.start = stuck
"""
NO_THREADS = """
import threading
from fluxapi.observability import announcement
text = announcement.text
def refuse(*arguments):
    raise RuntimeError("can't start new thread")
def announced(*arguments, **options):
    threading._start_new_thread = refuse
    return text(*arguments, **options)
announcement.text = announced
"""
"""Once the service has started, jobs have all threads of the user."""


def test_an_instance_that_does_not_close_is_left_when_the_time_is_over() -> None:
    with run_with(STUCK_CLOSE, "--shutdown-timeout=0.5") as process:
        read_start(process.stdout)
        process.terminate()
        assert process.wait(60) == 0
        assert process.stderr is not None
        assert "--shutdown-timeout" in process.stderr.read()


def test_so_is_a_thread_that_does_not_end() -> None:
    with run_with(STUCK_THREAD, "--shutdown-timeout=0.5") as process:
        read_start(process.stdout)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        assert process.stderr is not None
        assert "--shutdown-timeout" in process.stderr.read()


@pytest.mark.parametrize("code", ["", STUCK_CLOSE])
def test_no_thread_is_started_for_the_end(code: str) -> None:
    with run_with(code + NO_THREADS, "--shutdown-timeout=5") as process:
        read_start(process.stdout)
        process.terminate()
        assert process.wait(60) == 0


def test_the_end_of_the_interpreter_is_not_awaited() -> None:
    code = "import atexit, threading; atexit.register(threading.Event().wait)"
    with run_with(code, FOREVER) as process:
        read_start(process.stdout)
        process.terminate()
        assert process.wait(60) == 0


def test_jobs_that_ignore_sigterm_are_killed_in_time() -> None:
    script = "trap '' TERM; while :; do sleep 0.1; done"
    with service(EMBEDDED, "--shutdown-timeout=1") as running:
        body = {"command": ["sh", "-c", script]}
        jobs = [post(running, "/v1/jobs", body)["id"] for _ in range(2)]
        assert running.end() == 0
        assert len(jobs) == 2


def test_the_shares_fit_into_the_whole() -> None:
    shutdown = Shutdown(10.0)
    assert 0 < shutdown.requests_timeout < shutdown.instance_timeout < 10.0
    shutdown.begin()
    assert shutdown.requests_timeout + shutdown.instance_timeout > 10.0
    # The instance gets the time that requests have left.
    assert Shutdown(0.0).instance_timeout == 0.0


def test_the_default_leaves_room_under_the_ten_seconds_of_docker() -> None:
    assert Settings().shutdown_timeout <= 5.0

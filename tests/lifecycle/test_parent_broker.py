"""A service that ran inside an instance ends with it; one that was pointed at a broker does not."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from fluxapi.process import parent_broker
from tests.instance.broker.conftest import Broker
from tests.lifecycle.test_signals import ROOT
from tests.running import clean_environment, needs_flux, read_start, service

pytestmark = pytest.mark.slow

LISTENER = """
import os, socket, subprocess, sys
place = sys.argv[1]
listening = socket.socket(socket.AF_UNIX)
listening.bind(place)
listening.listen()
between = [sys.executable, "-c", "import subprocess, sys; subprocess.call(sys.argv[1:])"]
subprocess.call([*between, sys.executable, "-c", sys.argv[2], f"local://{place}"])
"""
"""Stands for a broker, whose grandchild is the program of the second argument."""

CHILD = """
import asyncio, sys
from fluxapi.process import parent_broker

async def main():
    broker = parent_broker.find(sys.argv[1])
    print(broker.pid, flush=True)
    ended = asyncio.Event()
    broker.watch(ended.set)
    await ended.wait()
    broker.close()
    print("ended", flush=True)

{change}
asyncio.run(main())
"""
WITHOUT_DESCRIPTOR = "parent_broker._POLL_S = 0.01; parent_broker._open = lambda pid: -1"


@pytest.mark.parametrize("change", ["", WITHOUT_DESCRIPTOR], ids=["pidfd", "polled"])
def test_the_end_of_an_ancestor_is_told(change: str, tmp_path: Path) -> None:
    words = [sys.executable, "-c", LISTENER, str(tmp_path / "s"), CHILD.format(change=change)]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert int(process.stdout.readline()) == process.pid
        process.kill()
        assert process.stdout.readline() == "ended\n"


def test_a_listener_that_is_no_ancestor_is_no_parent(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        listening.listen()
        assert parent_broker.find(f"local://{tmp_path}/s") is None


@pytest.mark.parametrize(
    "uri",
    [None, "", "ssh://host/run/flux", "local:///none/such", "local://\0", "local://" + "x" * 300],
)
def test_a_process_that_cannot_be_examined_is_no_parent(uri: str | None) -> None:
    assert parent_broker.find(uri) is None


@needs_flux
def test_a_service_whose_broker_was_killed_ends_with_a_message(tmp_path: Path) -> None:
    said = tmp_path / "said"
    program = f"{sys.executable} -m fluxapi serve --port=0 2>{said}; echo status $?"
    with subprocess.Popen(
        ["flux", "start", "sh", "-c", f"flux getattr broker.pid; {program}"],
        env=clean_environment(), cwd=ROOT, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        broker = int(process.stdout.readline())
        read_start(process.stdout)
        os.kill(broker, signal.SIGKILL)
        assert process.stdout.readline() == "status 1\n"
    words = said.read_text(encoding="utf-8")
    assert f"The Flux instance that the service ran in is gone: its broker (process {broker})" in (
        words
    )
    assert "Traceback" not in words


@needs_flux
def test_a_broker_that_was_pointed_at_may_hang_or_end(tmp_path: Path) -> None:
    broker = Broker(tmp_path)
    broker.start()
    try:
        with service(FLUX_URI=broker.uri) as running:
            broker.send(signal.SIGSTOP)
            assert running.end() == 0
        broker.send(signal.SIGCONT)
        with service(FLUX_URI=broker.uri) as running:
            broker.kill()
            running.get("/health")
            assert running.end() == 0
    finally:
        broker.kill()

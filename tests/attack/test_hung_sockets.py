"""Sockets of nested instances on file systems that do not answer."""

from __future__ import annotations

import asyncio
import socket
import threading
from pathlib import Path

import pytest

from fluxapi.errors import InstanceUnavailable
from fluxapi.instance.broker import below, child_uri
from fluxapi.instance.broker.below import Below
from fluxapi.instance.broker.gate import GateThread
from fluxapi.instance.broker.passage import Passage
from fluxapi.instance.protocol import ChildPlace

from .test_nested import TIMEOUT_S, connect, folder, gates, head, program, read

__all__ = ["folder", "gates"]

MORE_THAN_THREADS = 33
"""The event loop has a pool of at most 32 threads for all blocking calls."""


def unused(*_: object) -> object:
    raise AssertionError


def hold(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Return the event before which no look at a socket ends."""
    answered = threading.Event()

    def look(path: str) -> str:
        answered.wait(TIMEOUT_S)
        return f"{path} is late"

    for module in (below, child_uri):
        monkeypatch.setattr(module, "local_problem", look)
    return answered


def children(count: int) -> list[ChildPlace]:
    host = socket.gethostname()
    return [ChildPlace(1, f"local:///hung/{number}", "0", host) for number in range(count)]


async def test_sockets_that_do_not_answer_leave_the_threads_to_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answered = hold(monkeypatch)
    ways = Below(None, None, unused, transports=("local",), timeout=TIMEOUT_S)  # type: ignore[arg-type]
    places = children(MORE_THAN_THREADS)
    opening = [asyncio.ensure_future(ways.child(place).start()) for place in places]
    try:
        await asyncio.sleep(0)
        assert await asyncio.wait_for(asyncio.to_thread(int), TIMEOUT_S / 2) == 0
        assert not any(task.done() for task in opening)
    finally:
        answered.set()
        for task in opening:
            task.cancel()
        await asyncio.wait(opening)


async def test_a_socket_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = hold(monkeypatch)
    monkeypatch.setattr(below, "_LOOK_TIMEOUT_S", 0.01)
    ways = Below(None, None, unused, transports=("local",), timeout=TIMEOUT_S)  # type: ignore[arg-type]
    (place,) = children(1)
    try:
        with pytest.raises(InstanceUnavailable, match="the file system of /hung/0 does not answer"):
            await ways.child(place).start()
    finally:
        answered.set()


async def test_a_connection_that_hangs_delays_no_other_instance(
    gates: GateThread, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered, begun, connect_now = threading.Event(), threading.Event(), Passage._connect

    def connect_late(self: Passage) -> None:
        if "hung" in self._target:
            begun.set()
            answered.wait(TIMEOUT_S)
        connect_now(self)

    monkeypatch.setattr(Passage, "_connect", connect_late)

    def serve(client: socket.socket) -> None:
        with client:
            client.sendall(b"\0" + head(0))
            client.recv(1)

    with program(folder / "x", serve):
        hung = await gates.open(f"local://{folder}/hung")
        with connect(hung) as waiting:
            waiting.sendall(b"x")
            assert await asyncio.to_thread(begun.wait, TIMEOUT_S)
            gate = await gates.open(f"local://{folder}/x")
            try:
                with connect(gate) as client:
                    client.settimeout(TIMEOUT_S / 2)
                    client.sendall(b"x")
                    assert await asyncio.to_thread(read, client, 2) == b"\0" + head(0)[:1]
            finally:
                answered.set()

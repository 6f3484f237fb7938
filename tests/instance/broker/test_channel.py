"""A connection through the parent: greeted at once, carried within credits, never without bound."""

from __future__ import annotations

import base64
import errno
import json
import select
import signal
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from fluxapi.instance.broker import channel as module
from fluxapi.instance.broker.channel import Channel
from fluxapi.instance.broker.child_uri import Address

ADDRESS = Address("node3", 3, "/run/flux/local")


class Carried:
    """A channel, its client, and what it sends to the node of the child."""

    def __init__(self, client: socket.socket, served: socket.socket) -> None:
        self.client = client
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.channel = Channel(served, ADDRESS, 7, self._send)

    def _send(self, topic: bytes, payload: bytes, tag: int, *, streaming: bool = False) -> None:
        assert (tag, streaming) in {(7, True), (0, False)}
        self.sent.append((topic.decode(), json.loads(payload)))

    def answer(self, **fields: Any) -> None:
        self.channel.answer(0, json.dumps(fields).encode(), "")

    def write(self, data: bytes) -> None:
        """Have the relay write to its standard output."""
        encoded = base64.b64encode(data).decode()
        io = {"stream": "stdout", "rank": "3", "encoding": "base64", "data": encoded}
        self.answer(type="output", pid=9, io=io)

    def start(self) -> None:
        """Have the client send its first bytes, and the relay start."""
        self.client.sendall(b"hello")
        self.channel.serve(select.POLLIN)
        self.answer(type="started", pid=9)
        self.answer(type="add-credit", channels={"stdin": 4})
        self.write(b"\0")

    def signals(self) -> list[int]:
        return [body["signum"] for topic, body in self.sent if topic == "rexec.kill"]


@pytest.fixture
def carried() -> Iterator[Carried]:
    client, served = socket.socketpair()
    client.settimeout(10)
    with client:
        found = Carried(client, served)
        yield found
        found.channel.close()


def test_a_client_is_greeted_before_there_is_a_relay(carried: Carried) -> None:
    assert carried.client.recv(10) == b"\0"
    assert carried.sent == []
    carried.channel.close()
    assert carried.sent == [], "nothing was started"


def test_the_relay_starts_with_the_first_bytes_and_reads_within_its_credit(
    carried: Carried,
) -> None:
    assert carried.client.recv(10) == b"\0"
    carried.start()
    (topic, body) = carried.sent[0]
    assert topic == "rexec.exec"
    assert body["cmd"]["cmdline"] == ["flux", "relay", ADDRESS.path]
    assert len(carried.sent) == 1, "the greeting of the relay is not passed on"
    carried.channel.serve(select.POLLIN)
    assert not carried.channel.events & select.POLLIN, "there is no credit left"
    carried.answer(type="add-credit", channels={"stdin": 100})
    carried.channel.serve(select.POLLIN)
    written = [body["io"]["data"] for topic, body in carried.sent if topic == "rexec.write"]
    assert list(map(base64.b64decode, written)) == [b"hell", b"o"]
    carried.write(b"\xff\0answer")
    assert carried.client.recv(100) == b"\xff\0answer"


def test_a_server_that_gives_no_credit_gets_what_the_client_sends(carried: Carried) -> None:
    carried.client.sendall(b"hello")
    carried.channel.serve(select.POLLIN)
    carried.answer(type="started", pid=9)
    assert not carried.channel.events & select.POLLIN
    carried.write(b"\0")
    carried.channel.serve(select.POLLIN)
    assert carried.sent[-1][0] == "rexec.write"


def test_a_relay_waits_for_a_client_that_reads_slowly(
    carried: Carried, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PAUSE_BYTES", 1 << 20)
    monkeypatch.setattr(module, "_RESUME_BYTES", 1 << 10)
    carried.start()
    piece, total = b"x" * (1 << 18), 0
    while not carried.signals():
        carried.write(piece)
        total += len(piece)
        assert total < 1 << 24
    assert carried.signals() == [signal.SIGSTOP]
    read = 0
    while read < total + 1:
        read += len(carried.client.recv(1 << 16))
        carried.channel.serve(select.POLLOUT)
    assert carried.signals() == [signal.SIGSTOP, signal.SIGCONT]
    assert not carried.channel.ended


def test_a_relay_that_does_not_wait_is_given_up(
    carried: Carried, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MAX_PENDING_BYTES", 1 << 20)
    carried.start()
    for _ in range(16):
        carried.write(b"x" * (1 << 18))
    assert carried.channel.ended
    assert "faster than" in carried.channel.problem


def test_the_last_words_of_a_relay_are_its_problem(carried: Carried) -> None:
    carried.start()
    said = {"stream": "stderr", "rank": "3", "data": "node3: no such file\n"}
    carried.answer(type="output", pid=9, io=said)
    carried.answer(type="output", pid=9, io={"stream": "stderr", "rank": "3", "eof": True})
    carried.channel.answer(errno.ENODATA, b"", "No data.")
    assert carried.channel.ended
    assert carried.channel.problem == "node3: no such file"


def test_a_refusal_of_the_parent_is_its_problem(carried: Carried) -> None:
    carried.client.sendall(b"hello")
    carried.channel.serve(select.POLLIN)
    carried.channel.answer(errno.EPERM, b"", "Flux does not permit it.")
    assert carried.channel.ended
    assert carried.channel.problem == "Flux does not permit it."


def test_a_client_that_leaves_ends_its_relay(carried: Carried) -> None:
    carried.start()
    carried.answer(type="add-credit", channels={"stdin": 100})
    carried.channel.serve(select.POLLIN)
    carried.client.close()
    carried.channel.serve(select.POLLIN | select.POLLHUP)
    assert carried.channel.ended
    carried.channel.close()
    assert carried.sent[-2][1]["io"] == {"stream": "stdin", "rank": "0", "eof": True}
    assert carried.signals() == [signal.SIGTERM]


@pytest.mark.parametrize(
    "answer", [b"{", b'{"type":"output","io":{"data":7}}', b'{"x":' + b"[" * 200_000 + b"}"]
)
def test_an_answer_of_another_form_ends_the_channel(carried: Carried, answer: bytes) -> None:
    carried.start()
    carried.channel.answer(0, answer, "")
    assert carried.channel.ended
    assert "the answer of the parent is invalid" in carried.channel.problem

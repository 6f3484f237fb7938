"""A program that claims to be a nested instance, and what reaches libflux of it."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import socket
import struct
import tempfile
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from fluxapi.errors import OutcomeUnknown
from fluxapi.instance.broker import journal, passage
from fluxapi.instance.broker.calls import Submissions
from fluxapi.instance.broker.gate import Gate, GateThread
from fluxapi.instance.broker.message_guard import MAX_MESSAGE_BYTES, MessageGuard
from fluxapi.instance.broker.wire import Message
from fluxapi.instance.protocol import Submission
from fluxapi.model.shallow import require_narrow

TIMEOUT_S = 30.0


def head(size: int) -> bytes:
    return struct.pack("=I", 0xFFEE0012) + size.to_bytes(4, "big")


def test_a_head_that_announces_too_much_is_refused() -> None:
    guard = MessageGuard()
    guard.check(head(MAX_MESSAGE_BYTES))
    with pytest.raises(ValueError, match="more than 32 MiB"):
        MessageGuard().check(head(0xFFFFFFF0))


def test_bytes_without_a_message_are_refused() -> None:
    with pytest.raises(ValueError, match="not a message of Flux"):
        MessageGuard().check(b"HTTP/1.1 ")


@pytest.mark.parametrize("step", [1, 3, 8, 100])
def test_heads_are_found_wherever_the_bytes_are_cut(step: int) -> None:
    data = b"".join(head(size) + b"x" * size for size in (0, 1, 7, 20)) + head(0xFFFFFFF0)
    guard = MessageGuard()
    whole = data[:-8]
    for at in range(0, len(whole), step):
        guard.check(whole[at : at + step])
    with pytest.raises(ValueError, match="more than"):
        guard.check(data[-8:])


@pytest.fixture
def folder() -> Iterator[Path]:
    # The path of a socket is short.
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@pytest.fixture
async def gates() -> AsyncIterator[GateThread]:
    thread = GateThread()
    yield thread
    await thread.close(TIMEOUT_S)


class Lacking:
    """The module ``socket`` of a process that may open no more descriptors."""

    AF_UNIX, SOCK_STREAM = socket.AF_UNIX, socket.SOCK_STREAM

    def socket(self, *_: object) -> socket.socket:
        raise OSError(errno.EMFILE, "Too many open files")


@contextmanager
def program(path: Path, serve: Callable[[socket.socket], None]) -> Iterator[None]:
    """Offer a socket; each connection to it is served in a thread."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.fspath(path))
        listener.listen()

        def accept() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    threading.Thread(target=serve, args=(client,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield
        listener.shutdown(socket.SHUT_RDWR)


def connect(gate: Gate) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(TIMEOUT_S)
    client.connect(gate.uri.removeprefix("local://"))
    return client


def read(client: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (more := client.recv(size - len(data))):
        data += more
    return data


async def test_a_client_is_greeted_though_the_program_is_mute(
    gates: GateThread, folder: Path
) -> None:
    def mute(client: socket.socket) -> None:
        client.recv(1)

    with program(folder / "x", mute):
        gate = await gates.open(f"local://{folder}/x")
        with connect(gate) as client:
            assert await asyncio.to_thread(client.recv, 10) == b"\0"


async def test_a_lack_of_descriptors_ends_one_connection_and_not_the_thread(
    gates: GateThread, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def serve(client: socket.socket) -> None:
        with client:
            client.sendall(b"\0" + head(0))
            client.recv(1)

    with program(folder / "x", serve):
        gate = await gates.open(f"local://{folder}/x")
        with monkeypatch.context() as lacking, connect(gate) as client:
            lacking.setattr(passage, "socket", Lacking())
            client.sendall(b"x")
            assert await asyncio.to_thread(read, client, 10) == b"\0"
        assert gate.problem == "Too many open files"
        with connect(gate) as client:
            client.sendall(b"x")
            assert await asyncio.to_thread(read, client, 2) == b"\0" + head(0)[:1]


async def test_a_connection_that_cannot_be_accepted_is_accepted_after_a_pause(
    gates: GateThread,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    refusals = [OSError(errno.EMFILE, "Too many open files")]

    class Failing(socket.socket):
        def accept(self) -> tuple[socket.socket, Any]:
            if refusals:
                raise refusals.pop()
            return super().accept()

    with monkeypatch.context() as failing:
        failing.setattr(socket, "socket", Failing)
        gate = await gates.open(f"local://{folder}/x")
    with connect(gate) as client:
        assert await asyncio.to_thread(client.recv, 10) == b"\0"
    assert not refusals
    assert "cannot accept a connection of libflux: Too many open files" in caplog.text


async def test_a_folder_that_was_cleaned_is_made_anew(gates: GateThread, folder: Path) -> None:
    first = await gates.open(f"local://{folder}/x")
    shutil.rmtree(first.path.parent)
    second = await gates.open(f"local://{folder}/x")
    with connect(second) as client:
        assert await asyncio.to_thread(client.recv, 10) == b"\0"


async def test_messages_pass_in_both_directions(gates: GateThread, folder: Path) -> None:
    message = head(3 << 20) + os.urandom(3 << 20)

    def echo(client: socket.socket) -> None:
        with client:
            client.sendall(b"\0")
            client.sendall(read(client, len(message)))

    with program(folder / "x", echo):
        gate = await gates.open(f"local://{folder}/x")
        with connect(gate) as client:
            sending = asyncio.to_thread(client.sendall, message)
            arrived, _ = await asyncio.gather(asyncio.to_thread(read, client, 1 << 23), sending)
    # The last bytes arrive, though the program has closed the connection after them.
    assert arrived == b"\0" + message
    assert gate.problem == ""


@pytest.mark.parametrize(
    ("sent", "problem"),
    [
        (b"\0" + head(0xFFFFFFF0), "it sent a message of more than 32 MiB"),
        (b"\0garbage.", "it sent something that is not a message of Flux"),
        (b"\1", "it refuses connections"),
    ],
)
async def test_a_connection_ends_before_libflux_sees_a_bad_message(
    gates: GateThread, folder: Path, sent: bytes, problem: str
) -> None:
    def serve(client: socket.socket) -> None:
        with client:
            client.sendall(sent)
            client.recv(100)

    with program(folder / "x", serve):
        gate = await gates.open(f"local://{folder}/x")
        with connect(gate) as client:
            client.sendall(head(0))
            assert await asyncio.to_thread(read, client, 100) == b"\0"
    assert gate.problem == problem


async def test_there_is_nothing_behind_a_gate(gates: GateThread, folder: Path) -> None:
    gate = await gates.open(f"local://{folder}/none")
    with connect(gate) as client:
        client.sendall(head(0))
        with suppress(ConnectionResetError):
            assert await asyncio.to_thread(read, client, 100) == b"\0"
    assert gate.problem == "No such file or directory"
    gate.shut()


def test_an_answer_of_very_many_values_is_not_decoded() -> None:
    require_narrow(b'["' + b"x" * (4 << 20) + b'"]', 2 << 20)
    require_narrow(b"[" + b"[]," * (4 << 20) + b"[]]", None)
    with pytest.raises(ValueError, match="too many values"):
        require_narrow(b"[" + b"[]," * (1 << 20) + b"[]]", 2 << 20)


def test_an_event_of_very_many_values_ends_the_journal() -> None:
    arrived = deque([Message(2, 0, b'{"id":1,"events":[' + b"[]," * (1 << 20) + b"[]]}")])

    class Connection:
        def flush(self) -> bool:
            return True

        def receive(self) -> Message | None:
            return arrived.popleft() if arrived else None

    connection: Any = Connection()
    with pytest.raises(ValueError, match="too many values"):
        journal._take(connection, 2 << 20)


@pytest.mark.parametrize("answer", [b'{"id":-5}', b'{"id":18446744073709551621}', b'{"id":true}'])
async def test_an_impossible_id_of_a_new_job_is_none(answer: bytes) -> None:
    batch = Submissions([Submission(b"{}")])
    batch.answer(0, 0, answer, lambda function, argument: function(argument))
    (found,) = await batch.future
    assert isinstance(found, OutcomeUnknown)

"""Output files on a file server that does not answer hold up no reader of others."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from fluxapi.events.output import file_reader
from fluxapi.events.output.file_reader import FileAccess, FileReader
from fluxapi.model.output_files import OutputFile
from fluxapi.process import replaced_threads
from fluxapi.process.file_piece import Piece, Wanted, read_piece
from fluxapi.process.replaced_threads import ReplacedThreads

TIMEOUT = 20.0
MANY = 12


class HungServer:
    """Does not answer a call before it is told to."""

    def __init__(self) -> None:
        self.calls = 0
        self.asked = threading.Semaphore(0)
        self.answers = threading.Event()

    def ask(self) -> None:
        self.calls += 1
        self.asked.release()
        self.answers.wait(TIMEOUT)

    def read(self, wanted: Wanted) -> Piece:
        if "hung" in wanted.path:
            self.ask()
        return read_piece(wanted)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[HungServer]:
    monkeypatch.setattr(replaced_threads, "LATE_S", 0.0)
    made = HungServer()
    yield made
    made.answers.set()


def file_at(path: Path) -> OutputFile:
    return OutputFile(("stdout",), "0", str(path), host=socket.gethostname())


async def test_a_file_is_read_while_others_hang(
    tmp_path: Path, server: HungServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_reader, "read_piece", server.read)
    monkeypatch.setattr(file_reader, "_MAX_THREADS", 2)
    (tmp_path / "good").write_text("text")
    access = FileAccess.of(os.geteuid(), object())
    readers = [FileReader(file_at(tmp_path / f"hung{place}"), access) for place in range(MANY)]
    hung = [asyncio.create_task(reader.piece(0)) for reader in readers]
    piece = await FileReader(file_at(tmp_path / "good"), access).piece(0)
    assert piece.data == b"text"
    assert not any(task.done() for task in hung)
    server.answers.set()
    assert {piece.kind for piece in await asyncio.gather(*hung)} == {"missing"}


async def test_a_path_that_hangs_gets_few_threads_and_all_are_given_back(
    server: HungServer,
) -> None:
    threads = ReplacedThreads("test", 2)
    calls = [asyncio.create_task(threads.run(TIMEOUT, "hung", server.ask)) for _ in range(MANY)]
    await asyncio.wait(calls, return_when=asyncio.FIRST_EXCEPTION)
    for _ in range(MANY):
        with pytest.raises(asyncio.TimeoutError):
            await threads.run(TIMEOUT, "hung", server.ask)
    assert server.calls <= 6
    assert await threads.run(TIMEOUT, "other", lambda: "answer") == "answer"
    server.answers.set()
    await asyncio.gather(*calls, return_exceptions=True)
    assert not threads._late
    assert await threads.run(TIMEOUT, "hung", lambda: "again") == "again"


async def test_late_calls_keep_their_places_beyond_a_limit(
    server: HungServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replaced_threads, "_MAX_LATE", 3)
    threads = ReplacedThreads("test", 2)
    calls = [
        asyncio.create_task(threads.run(TIMEOUT, f"hung{place}", server.ask))
        for place in range(MANY)
    ]
    for _ in range(5):
        await asyncio.to_thread(server.asked.acquire)
    with pytest.raises(asyncio.TimeoutError):
        await threads.run(0.1, "other", lambda: "answer")
    assert server.calls == 5
    server.answers.set()
    await asyncio.gather(*calls)
    assert not threads._late

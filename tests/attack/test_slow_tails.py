"""Clients that ask for tails of outputs and read slowly: few bytes are kept for all of them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, suppress
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fluxapi.events.output import scan_turns
from fluxapi.events.output.hub import OutputHub
from fluxapi.events.output.tails import Kind, Tails
from fluxapi.events.output.watch import Watch
from fluxapi.handlers import output_forms as forms
from fluxapi.http import keys
from fluxapi.model import jobid as jobids
from fluxapi.model.eventlog import Event
from fluxapi.model.output import OutputBatch
from fluxapi.process import kept_bytes
from fluxapi.table.table import Table
from tests.events.output_place import Place
from tests.handlers.conftest import Service, service, start

from .wire import PATIENCE_S

__all__ = ["service", "start"]

LINES = 1000
LINE = "x" * 999 + "\n"
OTHERS = 8

FORMS: dict[str, Callable[..., Any]] = {
    "document": partial(forms.document, name="f1"),
    "text": forms.text,
    "bytes": forms.written_bytes,
    "entries": forms.entries,
    "labeled lines": partial(forms.labeled_lines, name="f1"),
    "labeled entries": partial(forms.labeled_entries, name="f1"),
}


class Output:
    """An output of many lines, and how many clients read it."""

    def __init__(self) -> None:
        self.open = self.most = 0
        self.goes_on = asyncio.Event()
        self.goes_on.set()

    async def read(self) -> AsyncIterator[OutputBatch]:
        self.open += 1
        self.most = max(self.most, self.open)
        try:
            await self.goes_on.wait()
            for index in range(LINES):
                entry = {"stream": "stdout", "rank": "0", "data": LINE}
                yield OutputBatch(index, [Event(1.0, "data", entry)])
        finally:
            self.open -= 1


@pytest.fixture
def output() -> Output:
    return Output()


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_bytes, "_LOOK_INTERVAL_S", 0.0)


async def first_of(pieces: AsyncIterator[bytes]) -> bytes:
    return await anext(pieces)


async def passes(count: int = 50) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.mark.usefixtures("looks")
@pytest.mark.parametrize("form", FORMS)
async def test_readers_of_nothing_give_way(output: Output, form: str) -> None:
    tails = Tails(max_bytes=3 << 20)
    ended: list[int] = []
    held = []
    for number in range(6):
        reader = tails.reader("slow", partial(ended.append, number))
        search = forms.Search(output.read(), reader=reader)
        pieces = FORMS[form](source=search, stream=None, tail=LINES)
        assert await anext(pieces)
        held.append(pieces)
    await passes()
    assert output.open == 0
    # Each has about a megabyte.
    assert ended in ([0, 1, 2], [0, 1, 2, 3])
    for pieces in held:
        await pieces.aclose()
    await passes()
    assert tails._kept.used == 0


async def test_sent_bytes_are_kept_no_more(output: Output) -> None:
    tails = Tails()
    used = []
    source = forms.Search(output.read(), reader=tails.reader())
    pieces = FORMS["text"](source=source, stream=None, tail=LINES)
    async with aclosing(pieces) as parts:
        async for part in parts:
            assert len(part) <= 66_000
            used.append(tails._kept.used)
    assert used == sorted(used, reverse=True)
    assert used[0] > LINES * len(LINE)
    assert used[-1] == 0


async def test_few_tails_are_made_at_the_same_time(output: Output) -> None:
    tails = Tails()
    output.goes_on.clear()

    async def read(client: str) -> int:
        source = forms.Search(output.read(), reader=tails.reader(client))
        return sum([len(part) async for part in forms.written_bytes(source, None, 3)])

    slow = [asyncio.create_task(read("slow")) for _ in range(OTHERS)]
    await passes()
    assert output.open == 2
    others = [asyncio.create_task(read(f"{number}")) for number in range(OTHERS)]
    await passes()
    assert output.open == 4
    slow.pop().cancel()
    output.goes_on.set()
    sizes = await asyncio.wait_for(asyncio.gather(*slow, *others), PATIENCE_S)
    assert set(sizes) == {3 * len(LINE)}
    assert (output.most, output.open) == (4, 0)


async def test_tails_of_tasks_hold_up_no_other(output: Output) -> None:
    tails = Tails()
    output.goes_on.clear()
    slow_kinds: tuple[Kind, ...] = ("task", "past")
    slow = [
        asyncio.create_task(
            first_of(
                forms.written_bytes(
                    forms.Search(output.read(), reader=tails.reader(f"{number}", kind=kind)),
                    None,
                    3,
                )
            )
        )
        for number in range(OTHERS)
        for kind in slow_kinds
    ]
    await passes()
    assert output.open == 8
    others = Output()
    source = forms.Search(others.read(), reader=tails.reader("other"))
    pieces = forms.written_bytes(source, None, 3)
    assert await asyncio.wait_for(first_of(pieces), PATIENCE_S) == LINE.encode() * 3
    output.goes_on.set()
    await asyncio.gather(*slow)


async def test_a_tail_that_takes_long_gives_way_to_others(
    output: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(scan_turns, "time", SimpleNamespace(monotonic=lambda: clock.now))
    monkeypatch.setattr(scan_turns, "_LOOK_INTERVAL_S", 0.0)
    tails = Tails()
    output.goes_on.clear()

    def begin(client: str) -> asyncio.Task[bytes]:
        def give_way() -> None:
            task.cancel()

        reader = tails.reader(client, give_way)
        pieces = forms.written_bytes(forms.Search(output.read(), reader=reader), None, 3)
        task = asyncio.create_task(first_of(pieces))
        return task

    long = [begin(f"{number}") for number in range(4)]
    await passes()
    clock.now = 59.0
    other = begin("other")
    await passes()
    assert not any(task.done() for task in (*long, other))
    clock.now = 61.0
    await asyncio.wait(long, timeout=PATIENCE_S)
    assert all(task.cancelled() for task in long)
    output.goes_on.set()
    assert await asyncio.wait_for(other, PATIENCE_S)


@pytest.mark.slow
@pytest.mark.usefixtures("looks")
async def test_a_slow_reader_is_disconnected_and_others_get_all(service: Service) -> None:
    name = await service.submit()
    line = "x" * 999_999 + "\n"
    service.instance.write(jobids.parse(name), *[{"stream": "stdout", "data": line}] * 9)
    app, port = service.client.app, service.client.port
    assert app is not None
    session = app[keys.SESSIONS].root
    # Less than two tails, and more than one and what the system takes of another.
    session.tails = Tails(max_bytes=10 << 20)
    path = f"/v1/jobs/{name}/output?tail=8"
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(slow, ("127.0.0.1", port))
        head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/plain\r\n\r\n"
        await loop.sock_sendall(slow, head.encode())
        assert await loop.sock_recv(slow, 9) == b"HTTP/1.1 "
        used = None
        while used != (used := session.tails._kept.used):
            # The system takes what it has room for.
            await passes()
        response = await service.client.get(path, headers={"Accept": "text/plain"})
        assert await response.text() == line * 8
        received = b""
        with suppress(ConnectionError):
            while part := await asyncio.wait_for(loop.sock_recv(slow, 1 << 20), PATIENCE_S):
                received += part
        assert len(received) < 7 << 20
    await passes()
    assert session.tails._kept.used == 0


@pytest.mark.usefixtures("looks")
async def test_streams_that_begin_with_a_tail_give_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Watch, "tail", lambda *_: None)
    place, tails = Place(), Tails(max_bytes=4 << 20)
    place.outputs = OutputHub(place.instance, cast("Table", place.table), tails=tails)
    place.write(*[LINE] * LINES)
    readers = []
    for _ in range(6):
        reader = place.view(tail=LINES)
        reader.writer.pause_writing()
        readers.append(reader)
    # Each has about one and a half megabytes. Those that are complete first give way first.
    waiting = {reader.ended for reader in readers}
    while len(waiting) > 2:
        _, waiting = await asyncio.wait(
            waiting, return_when=asyncio.FIRST_COMPLETED, timeout=PATIENCE_S
        )
    await passes()
    left = [reader for reader in readers if not reader.ended.done()]
    assert len(left) == 2
    assert 0 < tails._kept.used < 4 << 20
    left[0].writer.resume_writing()
    await left[0].until(LINE * LINES)
    for reader in readers:
        reader.stop()
    await passes()
    assert tails._kept.used == 0


async def test_a_search_tells_its_progress_and_waits_for_no_reader() -> None:
    reader = Tails().reader()
    told: list[int] = []

    async def search() -> AsyncIterator[OutputBatch]:
        yield OutputBatch(0, [], searched=5)
        yield OutputBatch(0, [Event(1.0, "data", {"data": LINE})] * LINES)
        yield OutputBatch(LINES, [], searched=9, cut=True)

    found = [batch async for batch in reader.read(search(), lambda it: told.append(it.searched))]
    assert told == [5]
    assert (found[-1].searched, found[-1].cut) == (9, True)
    assert sum(map(len, found)) == LINES
    assert max(map(len, found)) < 100
    assert [batch.first for batch in found if batch.events] == list(range(0, LINES, len(found[1])))

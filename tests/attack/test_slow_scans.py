"""Readers of lines of an output that read slowly: other readers do not wait for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fluxapi.events.output import scan_turns
from fluxapi.events.output.line_scan import Limit, LineScanner, Progress, Scan
from fluxapi.instance.protocol import Last, OutputBatch
from fluxapi.model.eventlog import Event
from fluxapi.model.output_lines import OutputLine, Part

from .wire import PATIENCE_S

LINES = 9
OTHERS = 20


class Source:
    """A job with some lines of output, and how many readers it has."""

    def __init__(self) -> None:
        self.open = 0

    async def output(
        self, jobid: int, *, follow: bool = False, first: int = 0, last: Last | None = None
    ) -> AsyncGenerator[OutputBatch, None]:
        del jobid, follow, last
        self.open += 1
        try:
            for index in range(first, LINES):
                await asyncio.sleep(0)
                entry = {"stream": "stdout", "rank": "0", "data": f"{index}\n"}
                yield OutputBatch(index, [Event(1.0, "data", entry)])
        finally:
            self.open -= 1


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(scan_turns, "time", SimpleNamespace(monotonic=lambda: clock.now))
    monkeypatch.setattr(scan_turns, "_LOOK_INTERVAL_S", 0.0)
    return clock


Found = AsyncGenerator[OutputLine | Progress, None]


class Readers:
    """Readers of all lines of the job."""

    def __init__(self, source: Source) -> None:
        self._scanner = LineScanner()
        self._source = source

    def read(self, client: str) -> Found:
        scan = Scan(cast("Any", self._source), 1, 0, False, Part(), client=client)
        return self._scanner.lines(scan, Limit())

    async def whole(self, client: str) -> list[int]:
        async with aclosing(self.read(client)) as found:
            return [item.number async for item in found if isinstance(item, OutputLine)]


async def passes(count: int = 50) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_reader_that_reads_nothing_gives_way(
    source: Source, clock: SimpleNamespace
) -> None:
    readers = Readers(source)
    held = [readers.read(f"slow {number}") for number in range(4)]
    first = [await anext(reader) for reader in held]
    other = asyncio.create_task(readers.whole("other"))
    await passes()
    assert source.open == 4
    clock.now += scan_turns.PATIENCE_S
    assert await asyncio.wait_for(other, PATIENCE_S) == list(range(1, LINES + 1))
    assert source.open == 0
    assert [cast("OutputLine", line).number for line in first] == [1] * 4
    for reader in held:
        (end,) = [item async for item in reader]
        assert isinstance(end, Progress)
        assert (end.lines, end.is_cut, end.is_end) == (1, True, False)


async def test_a_reader_that_nobody_waits_for_takes_its_time(
    source: Source, clock: SimpleNamespace
) -> None:
    readers = Readers(source)
    reader = readers.read("slow")
    await anext(reader)
    clock.now += 99 * scan_turns.PATIENCE_S
    await passes()
    assert source.open == 1
    assert len([item async for item in reader]) == LINES


@pytest.mark.usefixtures("clock")
async def test_one_client_does_not_have_all_turns(source: Source) -> None:
    readers = Readers(source)
    held = [readers.read("slow") for _ in range(OTHERS)]
    begun = [asyncio.ensure_future(anext(reader)) for reader in held]
    await passes()
    assert sum(task.done() for task in begun) == source.open == 3
    assert await asyncio.wait_for(readers.whole("other"), PATIENCE_S)
    for task, reader in zip(begun, held, strict=True):
        task.cancel()
        await asyncio.wait({task})
        await reader.aclose()
    assert source.open == 0
    assert await asyncio.wait_for(readers.whole("slow"), PATIENCE_S)


@pytest.mark.usefixtures("clock")
async def test_clients_that_wait_get_their_turns_one_after_the_other(source: Source) -> None:
    readers = Readers(source)
    held = [readers.read(f"slow {number}") for number in range(4)]
    for reader in held:
        await anext(reader)
    ended: list[str] = []

    async def read(client: str) -> None:
        await readers.whole(client)
        ended.append(client)

    waiting = [asyncio.create_task(read(client)) for client in ["many"] * OTHERS + ["one"]]
    await passes()
    await held[0].aclose()
    await asyncio.wait_for(asyncio.gather(*waiting), PATIENCE_S)
    assert ended.index("one") == 1
    for reader in held:
        await reader.aclose()

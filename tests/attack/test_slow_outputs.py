"""Clients that read whole outputs of present jobs slowly: few bytes are kept for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial
from typing import Any, cast

import pytest

from fluxapi.events.output import files
from fluxapi.events.output.hub import OutputHub
from fluxapi.events.output.tails import Tails
from fluxapi.events.transport.stream_writer import StreamWriter
from fluxapi.model import jobid as jobids
from fluxapi.model.eventlog import Event
from fluxapi.model.output import OutputBatch
from fluxapi.model.path_template import MAX_PATH_LENGTH
from fluxapi.process import kept_bytes
from fluxapi.process.kept_bytes import Kept, KeptBytes
from fluxapi.table.table import Table
from tests.events.output_place import TIMEOUT, Line, Place
from tests.handlers.conftest import Service, service, start

__all__ = ["service", "start"]

LINE = "x" * 99_999 + "\n"
LINES = 20


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_bytes, "_LOOK_INTERVAL_S", 0.0)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    sizes: list[int] = []
    add = KeptBytes.add

    def note(self: KeptBytes, kept: Kept, reader: Any) -> None:
        sizes.append(kept.size)
        add(self, kept, reader)

    monkeypatch.setattr(KeptBytes, "add", note)
    return sizes


async def whole() -> AsyncIterator[OutputBatch]:
    for index in range(LINES):
        yield OutputBatch(index, [Event(1.0, "data", {"stream": "stdout", "data": LINE})])


async def passes(count: int = 50) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.mark.usefixtures("looks")
async def test_readers_of_nothing_give_way() -> None:
    tails = Tails(max_bytes=350_000)
    ended: list[int] = []
    held = []
    for number in range(6):
        reading = tails.reader("slow", partial(ended.append, number)).counted(whole())
        assert await anext(reading)
        held.append(reading)
    await passes()
    # Each has about a hundred kilobytes.
    assert ended == [0, 1, 2]
    for reading in held:
        await reading.aclose()
    assert tails._kept.used == 0


async def test_a_batch_counts_until_the_next_one_is_taken() -> None:
    tails = Tails()
    async with aclosing(tails.reader().counted(whole())) as batches:
        used = [tails._kept.used async for _ in batches]
    assert len(set(used)) == 1
    assert len(LINE) < used[0] < 2 * len(LINE)
    assert tails._kept.used == 0


@pytest.mark.parametrize("path", ["jobs/{job}/output", "groups/{group}/output"])
async def test_the_unread_part_of_an_output_is_counted(
    service: Service, counted: list[int], path: str
) -> None:
    job = await service.submit(group="many")
    service.instance.finish(jobids.parse(job))
    service.instance.write(jobids.parse(job), {"stream": "stdout", "data": LINE})
    await service.client.get("/v1/groups/many/wait?timeout=60")
    groups = await (await service.client.get("/v1/groups")).json()
    group = groups["groups"][0]["id"]
    address = f"/v1/{path.format(job=job, group=group)}"
    response = await service.client.get(address, headers={"Accept": "text/plain"})
    assert LINE in await response.text()
    assert max(counted) > len(LINE)


@pytest.mark.usefixtures("looks")
async def test_viewers_of_nothing_give_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def write(line: Line, data: bytes) -> None:
        line.data += data
        cast("StreamWriter", line.protocol).pause_writing()

    monkeypatch.setattr(Line, "write", write)
    place, tails = Place(), Tails(max_bytes=350_000)
    place.outputs = OutputHub(place.instance, cast("Table", place.table), tails=tails)
    # More than the window of the watch.
    place.write(*[LINE] * LINES)
    readers = [place.view() for _ in range(6)]
    ends = [await asyncio.wait_for(reader.ended, TIMEOUT) for reader in readers[:3]]
    assert [reason for reason, _ in ends] == ["stalled"] * 3
    for reader in readers:
        reader.stop()
    await passes()
    assert tails._kept.used == 0


def test_the_head_of_an_output_keeps_no_data() -> None:
    data = Event(1.0, "data", {"stream": "stdout", "data": LINE})
    assert files._head_of(data).context is None
    context = {"stream": "stdout", "path": LINE, "rank": LINE, "more": LINE}
    kept = files._head_of(Event(1.0, "redirect", context)).context or {}
    assert kept.keys() == {"stream", "path", "rank"}
    assert max(map(len, kept.values())) == MAX_PATH_LENGTH + 1

"""A client that is cut anywhere and comes back holds what one holds that never left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

import pytest

from .reader import Events, Held, Jobs
from .site import Site
from .wires import Message

pytestmark = pytest.mark.slow

JOBS = 20

H = TypeVar("H", bound=Held)


async def one_by_one(site: Site, wire: str, held: H, condition: Callable[[H], object]) -> int:
    """Read one message a connection until ``condition`` holds; how many connections that took."""
    connections = 0
    while not condition(held):
        async with site.read(wire, held) as reader:
            await reader.read()
        connections += 1
    return connections


async def test_events_cut_after_each_message_while_they_happen(site: Site, wire: str) -> None:
    whole, cut = Events(), Events()
    async with site.read(wire, whole) as reader:
        async with site.read(wire, cut) as first:
            await reader.until_mark()
            await first.until_mark()
        ids = set(await site.submit(JOBS))
        connections, _ = await asyncio.gather(
            one_by_one(site, wire, cut, lambda held: ids <= held.clean),
            reader.until(lambda held: ids <= held.clean),
        )
    assert connections >= cut.messages == whole.messages
    assert cut.eventlogs(ids) == whole.eventlogs(ids) == await site.eventlogs(list(ids))
    assert cut.others == whole.others
    assert (cut.repeats, cut.resets) == (0, [])


async def test_rows_cut_after_each_message_while_they_change(site: Site, wire: str) -> None:
    whole, cut = Jobs(), Jobs()
    async with site.read(wire, whole) as reader:
        async with site.read(wire, cut) as first:
            await reader.until_mark()
            await first.until_mark()
        ids = set(await site.submit(JOBS))
        connections, _ = await asyncio.gather(
            one_by_one(site, wire, cut, lambda held: ids <= held.inactive),
            reader.until(lambda held: ids <= held.inactive),
        )
    # One connection, one row at most: each of the jobs changed under one that was cut.
    assert connections >= JOBS
    assert cut.rows == whole.rows
    assert cut.resets == []


async def test_events_cut_at_each_place_of_a_run(site: Site, wire: str) -> None:
    whole = Events()
    told: list[Message] = []
    async with site.read(wire, whole) as reader:
        await reader.until_mark()
        places = [whole.cursor]
        ids = set(await site.submit(JOBS))
        while not ids <= whole.clean:
            message = await reader.read()
            if message.kind == "event":
                told.append(message)
                places.append(message.cursor)
    for place, cursor in enumerate(places[:-1]):
        async with site.read(wire, Events(), since=cursor) as resumed:
            rest = [await resumed.read() for _ in told[place:]]
        assert rest == told[place:]


async def test_rows_cut_at_each_place_of_a_run(site: Site, wire: str) -> None:
    whole = Jobs()
    places = []
    async with site.read(wire, whole) as reader:
        await reader.until_mark()
        ids = set(await site.submit(JOBS))
        while not ids <= whole.inactive:
            places.append((whole.cursor, dict(whole.rows)))
            await reader.read()
    assert len(places) >= JOBS
    for cursor, rows in places:
        cut = Jobs()
        cut.rows, cut.cursor = rows, cursor
        async with site.read(wire, cut) as resumed:
            await resumed.until_mark()
        assert cut.rows == whole.rows

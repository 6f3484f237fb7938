"""Readers that do not read: the others do not notice, and memory stays bounded.

On the embedded instance: it gives more events a second than a Flux of this size.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import secrets
import zlib
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest

from tests.running import service

from .conftest import EMBEDDED
from .reader import Events, Jobs, Reader
from .site import Site
from .stalling import narrow
from .wires import WIRES, Message

pytestmark = pytest.mark.slow

READERS = 60
JOBS = 250
ROUND = 25
RING = 400
BACKLOG = 500
CODES = {"sse": 0, "lines": 0, "socket": 4408, "deflate": 4408}
MEMORY = 32 << 20
"""Bytes by which the service may grow: a backlog for each of the readers takes five times that."""


class Order(Events):
    """The events' cursors in order, as one number: many readers need not keep all they get."""

    def __init__(self) -> None:
        super().__init__()
        self.order = 0

    def take(self, message: Message) -> None:
        if message.kind == "event":
            assert message.cursor is not None
            self.order = zlib.crc32(message.cursor.encode(), self.order)
        super().take(message)


class Brief(Order):
    """Nothing but that, and which jobs are over."""

    def fold(self, kind: str, fields: dict[str, Any]) -> None:
        assert kind == "event"
        if fields["name"] == "clean":
            self.clean.add(fields["id"])


async def until_over(reader: Reader[Any], jobs: int = JOBS) -> None:
    held = reader.held
    over = held.inactive if isinstance(held, Jobs) else held.clean
    while len(over) < jobs:
        await reader.read()


async def behind(site: Site) -> int:
    """Return how many readers have full sockets."""
    return await site.figure("fluxapi_readers_behind")


@pytest.fixture
def forgetful(session: aiohttp.ClientSession) -> Iterator[Site]:
    with service(EMBEDDED, f"--buffer-events={RING}") as running:
        yield Site(running, session, None)


@pytest.fixture
def mindful(session: aiohttp.ClientSession) -> Iterator[Site]:
    with service(EMBEDDED) as running:
        yield Site(running, session, None)


async def test_stalled_clients_do_not_affect_the_others(forgetful: Site) -> None:
    site = forgetful
    whole, late = Order(), Jobs()
    briefs = [Brief() for _ in range(READERS - 2 * len(WIRES) - 1)]
    lossless, conflated = [Events() for _ in WIRES], [Jobs() for _ in WIRES]
    async with narrow() as small, contextlib.AsyncExitStack() as stack:
        enter = stack.enter_async_context
        stalled: list[Reader[Any]] = [
            await enter(Reader(small, site.url, wire, held))
            for wire, held in zip(WIRES * 2, [*lossless, *conflated], strict=True)
        ]
        readers: list[Reader[Any]] = [
            await enter(site.read(wire, held))
            for wire, held in zip(itertools.cycle(WIRES), [whole, *briefs])
        ]
        for reader in readers + stalled:
            await reader.until_mark()
        before = site.memory()
        ids: list[str] = []
        while len(ids) < JOBS:
            # As fast as the others read. Long notes make long events and rows: soon who does not
            # read has no room for more.
            note = secrets.token_urlsafe(3072)
            ids += await site.submit(ROUND, urgency=0)
            await site.post("/v1/jobs/cancel", {"ids": ids[-ROUND:], "note": note})
            await asyncio.gather(*(until_over(reader, len(ids)) for reader in readers))
        assert await behind(site) == len(stalled)
        grown = site.memory() - before
        for reader in stalled[: len(WIRES)]:
            await reader.until(lambda held: held.resets)
        await asyncio.gather(*map(until_over, stalled[len(WIRES) :]))
        async with site.read("sse", late) as latecomer:
            await latecomer.until_mark()
    assert whole.eventlogs(whole.logs) == await site.eventlogs(ids)
    assert {brief.order for brief in briefs} == {whole.order}
    assert [held.resets for held in lossless] == [["overflow"]] * len(lossless)
    assert [held.resets for held in conflated] == [[]] * len(conflated)
    assert [held.rows for held in conflated] == [late.rows] * len(conflated)
    assert grown < MEMORY


async def test_a_client_that_reads_nothing_is_disconnected(mindful: Site) -> None:
    site = mindful
    held = [Events() for _ in WIRES]
    async with site.read("sse", Events()) as witness:
        await site.submit(BACKLOG)
        await until_over(witness, BACKLOG)
        async with narrow() as small, contextlib.AsyncExitStack() as stack:
            stalled = [
                await stack.enter_async_context(Reader(small, site.url, wire, it, since="0"))
                for wire, it in zip(WIRES, held, strict=True)
            ]
            # One more that goes on talking while it does not listen.
            talker = await stack.enter_async_context(small.ws_connect(f"{site.url}/v1/events/ws"))
            wanted = {"type": "subscribe", "sub": "s", "stream": "events", "since": "0"}
            await talker.send_json(wanted)
            everyone = len(stalled) + 1
            await site.until_figure("fluxapi_readers_behind", lambda count: count == everyone)
            await talker.send_json({"type": "unsubscribe", "sub": "nobody"})
            # Longer than the patience of the service, by a clock that tells when it is over.
            (clock,) = await site.submit(command="sleep 12.5")
            await witness.until(lambda it: clock in it.clean)
            codes = [await reader.until_cut() for reader in stalled]
            while not talker.closed:
                await talker.receive()
        # Only this request and the witness are left.
        await site.until_figure("fluxapi_requests_under_way", lambda count: count <= 2)
    assert dict(zip(WIRES, codes, strict=True)) == CODES
    assert talker.close_code == 4408
    assert [it.end for it in held] == ["stalled", "stalled", None, None]

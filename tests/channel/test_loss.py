"""The broker goes away, falls silent or comes back: readers stay, and are told."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.instance.broker.conftest import Broker
from tests.running import needs_flux, service

from .reader import Events, Held, Jobs, Reader
from .site import Site
from .wires import WIRES

pytestmark = needs_flux


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(tmp_path)
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture
def lonely(broker: Broker, session: aiohttp.ClientSession) -> Iterator[Site]:
    """Return a service in front of the broker, with a timeout for a busy machine."""
    with service("--rpc-timeout=60", FLUX_URI=broker.uri) as running:
        yield Site(running, session, broker.uri)


@pytest.fixture
def impatient(broker: Broker, session: aiohttp.ClientSession) -> Iterator[Site]:
    """Return a service with a short timeout for a silent broker."""
    with service("--rpc-timeout=3", FLUX_URI=broker.uri) as running:
        yield Site(running, session, broker.uri)


async def until_live(reader: Reader[Any], live: bool) -> dict[str, Any]:
    """Return the first bookmark that says so."""
    while (mark := await reader.until_mark())["live"] is not live:
        pass
    return mark


def times(held: Held) -> list[tuple[bool, bool]]:
    """Return if each bookmark is live, and if it has the time of the loss."""
    return [(mark["live"], "lost_since" in mark) for mark in held.marks]


@pytest.mark.parametrize("wire", WIRES)
async def test_a_broker_that_is_gone_for_good(broker: Broker, lonely: Site, wire: str) -> None:
    rows, late = Jobs(), Jobs()
    async with lonely.read(wire, rows) as reader:
        await reader.until_mark()
        (jobid,) = await lonely.submit()
        await reader.until(lambda held: jobid in held.inactive)
        broker.kill()
        mark = await until_live(reader, live=False)
        # A new client gets the known jobs, and learns that nothing new will come.
        async with lonely.read(wire, late) as other:
            told = await until_live(other, live=False)
        assert mark["lost_since"] == told["lost_since"]
    assert set(times(rows)) == {(True, False), (False, True)}
    assert late.rows == rows.rows != {}


@pytest.mark.parametrize("wire", WIRES)
async def test_a_broker_that_was_killed_and_is_back(
    broker: Broker, lonely: Site, wire: str
) -> None:
    events, rows = Events(), Jobs()
    async with lonely.read(wire, events) as first, lonely.read(wire, rows) as second:
        await first.until_mark()
        await second.until_mark()
        (old,) = await lonely.submit()
        await first.until(lambda held: old in held.clean)
        broker.kill()
        await until_live(first, live=False)
        await until_live(second, live=False)
        broker.start()
        await until_live(first, live=True)
        await until_live(second, live=True)
        (new,) = [line.strip() for line in (await lonely.flux("submit", "true")).splitlines()]
        await first.until(lambda held: held.clean - {old})
        await second.until(lambda held: held.inactive - {old})
    assert len(new) > 1
    # The old instance had no content store that outlives it, so its job is gone.
    assert events.gone == rows.gone == {old}


async def test_a_broker_that_stops_and_continues(broker: Broker, impatient: Site) -> None:
    events = Events()
    async with impatient.read("sse", events) as reader:
        await reader.until_mark()
        (jobid,) = await impatient.submit()
        await reader.until(lambda held: jobid in held.clean)
        broker.send(signal.SIGSTOP)
        async with impatient.session.get(f"{impatient.url}/v1/queues") as answer:
            assert answer.status == 503
        # The monitor tells it, long before the journal would be lost.
        await until_live(reader, live=False)
        broker.send(signal.SIGCONT)
        await until_live(reader, live=True)
        later = set(await impatient.submit(5))
        await reader.until(lambda held: later <= held.clean)
    ids = {jobid, *later}
    assert events.eventlogs(ids) == await impatient.eventlogs(list(ids))
    assert events.resets == []


@pytest.mark.parametrize("wire", WIRES)
async def test_a_job_manager_that_is_loaded_anew(broker: Broker, lonely: Site, wire: str) -> None:
    events, rows = Events(), Jobs()
    async with lonely.read(wire, events) as first, lonely.read(wire, rows) as second:
        await first.until_mark()
        await second.until_mark()
        ids = set(await lonely.submit(5))
        await first.until(lambda held: ids <= held.clean)
        # The job manager finds in the KVS only what was committed there.
        await lonely.eventlogs(list(ids))
        modules = ["sched-simple", "job-exec", "job-manager"]
        for module in modules:
            await asyncio.to_thread(broker.flux, "module", "remove", "--force", module)
        await until_live(first, live=False)
        for module in reversed(modules):
            await asyncio.to_thread(broker.flux, "module", "load", module)
        await until_live(first, live=True)
        await until_live(second, live=True)
        await lonely.flux("queue", "start", "--all", "--quiet")
        ids |= set(await lonely.submit(5))
        await first.until(lambda held: ids <= held.clean)
        await second.until(lambda held: ids <= held.inactive)
        assert events.eventlogs(ids) == await lonely.eventlogs(list(ids))
    assert (events.resets, events.gone, rows.resets, rows.gone) == ([], set(), [], set())

"""A service that is killed and begun again, or a replica that takes over: nothing is missed."""

from __future__ import annotations

import signal
from pathlib import Path

import aiohttp
import pytest

from tests.running import flux_instance, needs_flux, service

from .reader import Events, Jobs
from .site import Site
from .wires import WIRES

pytestmark = pytest.mark.slow

JOBS = 20


async def submit_and_read(site: Site, wire: str, events: Events, clean: int) -> set[str]:
    """Submit jobs and read until some, not all, of them are over; their ids."""
    async with site.read(wire, events) as reader:
        await reader.until_mark()
        ids = set(await site.submit(JOBS))
        await reader.until(lambda held: len(ids & held.clean) >= clean)
    return ids


@needs_flux
@pytest.mark.parametrize("wire", WIRES)
async def test_a_killed_service_that_is_back(
    flux_uri: str, session: aiohttp.ClientSession, wire: str
) -> None:
    events, rows = Events(), Jobs()
    with service(FLUX_URI=flux_uri) as running:
        before = Site(running, session, flux_uri)
        async with before.read(wire, rows) as reader:
            await reader.until_mark()
            ids = await submit_and_read(before, wire, events, 3)
            assert running.end(signal.SIGKILL) == -signal.SIGKILL
            await reader.until_cut()
    submitted = await before.flux("submit", "--cc=1-5", "true")
    await before.flux("job", "wait-event", submitted.split()[-1], "clean")
    ids |= {jobid.replace("ƒ", "f") for jobid in submitted.split()}
    with service(FLUX_URI=flux_uri) as running:
        after = Site(running, session, flux_uri)
        ids |= set(await after.submit(JOBS))
        async with after.read(wire, events) as resumed:
            await resumed.until(lambda held: ids <= held.clean)
        async with after.read(wire, rows) as reader:
            await reader.until_mark()
            await reader.until(lambda held: ids <= held.inactive)
        fresh = Jobs()
        async with after.read(wire, fresh) as reader:
            await reader.until_mark()
    assert events.resets == []
    assert events.eventlogs(ids) == await after.eventlogs(list(ids))
    assert rows.resets == ["epoch"]
    assert rows.rows == fresh.rows


@needs_flux
@pytest.mark.parametrize("wire", WIRES)
async def test_a_replica_takes_over(
    flux_uri: str, session: aiohttp.ClientSession, wire: str
) -> None:
    events, rows, others = Events(), Jobs(), Jobs()
    with service(FLUX_URI=flux_uri) as one, service(FLUX_URI=flux_uri) as two:
        first, second = (Site(running, session, flux_uri) for running in (one, two))
        ids = await submit_and_read(first, wire, events, JOBS // 2)
        async with second.read(wire, events) as resumed:
            await resumed.until(lambda held: ids <= held.clean)
        async with first.read(wire, rows) as reader:
            await reader.until(lambda held: ids <= held.inactive)
            mark = await reader.until_mark()
        async with second.read(wire, others) as reader:
            twin = await reader.until_mark()
        async with second.read(wire, rows) as reader:
            await reader.until_mark()
    assert events.resets == []
    assert events.eventlogs(ids) == await first.eventlogs(list(ids))
    assert (mark["count"], mark["digest"]) == (twin["count"], twin["digest"])
    assert rows.resets == ["epoch"]
    assert rows.rows == others.rows


@needs_flux
async def test_a_cursor_of_another_instance_is_refused(
    flux_uri: str, session: aiohttp.ClientSession
) -> None:
    events = Events()
    with service(FLUX_URI=flux_uri) as running:
        async with Site(running, session, None).read("sse", events) as reader:
            await reader.until_mark()
    with flux_instance(1) as uri, service(FLUX_URI=uri) as running:
        async with Site(running, session, uri).read("sse", events) as reader:
            await reader.until_mark()
    assert events.resets == ["instance"]


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM])
async def test_the_embedded_instance_with_its_state(
    tmp_path: Path, session: aiohttp.ClientSession, wire: str, signum: signal.Signals
) -> None:
    flags = ("--instance=embedded", f"--statedir={tmp_path}")
    events, rows = Events(), Jobs()
    with service(*flags) as running:
        before = Site(running, session, None)
        async with before.read(wire, rows) as reader:
            ids = await submit_and_read(before, wire, events, JOBS)
            await reader.until(lambda held: ids <= held.inactive)
        # Held jobs have not begun: they are there again as they were.
        held = set(await before.submit(3, urgency=0))
        running.end(signum)
    with service(*flags) as running:
        after = Site(running, session, None)
        ids |= held | set(await after.submit(JOBS))
        for jobid in held:
            await after.post(f"/v1/jobs/{jobid}/urgency", {"urgency": 16})
        async with after.read(wire, events) as resumed:
            await resumed.until(lambda it: ids <= it.clean)
        async with after.read(wire, rows) as reader:
            await reader.until_mark()
            await reader.until(lambda it: ids <= it.inactive)
        fresh = Jobs()
        async with after.read(wire, fresh) as reader:
            await reader.until_mark()
        assert events.eventlogs(ids) == await after.eventlogs(list(ids))
    assert events.resets == []
    assert rows.resets == ["epoch"]
    assert rows.rows == fresh.rows

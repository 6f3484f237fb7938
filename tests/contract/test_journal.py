"""The journal: everything that was, the sentinel, and then everything as it happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from fluxapi.instance.protocol import ChangeBatch, Instance
from fluxapi.model.eventlog import JournalMessage, Resync
from tests.contract.site import TIMEOUT, Site, shell, simulated, spec
from tests.running import needs_flux

FLUX, POLLING = (pytest.param(kind, marks=needs_flux) for kind in ("flux", "polling"))


@pytest.fixture(params=[FLUX, "embedded", POLLING])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def backlog(instance: Instance) -> list[JournalMessage]:
    """Return the messages of a new stream before the sentinel."""
    messages: list[JournalMessage] = []
    stream: AsyncIterator[ChangeBatch] = instance.changes()
    async for batch in stream:
        messages += [message for message in batch if isinstance(message, JournalMessage)]
        if any(message.is_sentinel for message in messages):
            break
    await stream.aclose()  # type: ignore[attr-defined]  # it is a generator
    assert messages[[m.is_sentinel for m in messages].index(True)].events == []
    return messages[: [m.is_sentinel for m in messages].index(True)]


async def test_the_backlog_holds_each_job_once(site: Site) -> None:
    jobid = await site.run(spec())
    messages = await asyncio.wait_for(backlog(site.instance), TIMEOUT)
    ids = [message.id for message in messages]
    assert len(ids) == len(set(ids))
    assert jobid in ids


async def test_the_backlog_equals_the_live_stream(site: Site) -> None:
    jobids = [await site.run(shell("exit 1")), await site.run(spec(cores=1000))]
    held = await site.submit(spec(), urgency=0)
    await site.wait(held, "priority")
    found = {message.id: message for message in await backlog(site.instance)}
    for jobid in [*jobids, held]:
        live = site.told(jobid)
        assert found[jobid].events == site.events(jobid)
        assert found[jobid].jobspec == live[0].jobspec
        assert next((m.R for m in live if m.R is not None), None) == found[jobid].R
    await site.cancel(held)


async def test_a_live_message_holds_one_event(site: Site) -> None:
    jobid = await site.run(spec())
    assert {len(message.events) for message in site.told(jobid)} == {1}


async def test_a_second_stream_disturbs_no_other(site: Site) -> None:
    await backlog(site.instance)
    jobid = await site.run(spec())
    assert site.names(jobid) == site.completed


async def test_two_streams_tell_the_same(site: Site) -> None:
    seen: list[str] = []
    caught_up = asyncio.Event()
    jobid = -2

    async def read() -> None:
        async for batch in site.instance.changes():
            for message in batch:
                if isinstance(message, Resync):
                    continue
                assert isinstance(message, JournalMessage)
                if message.is_sentinel:
                    caught_up.set()
                elif message.id == jobid:
                    seen.extend(e.name for e in message.events if e.name != "annotations")
            if "clean" in seen:
                return

    reader = asyncio.create_task(read())
    await asyncio.wait_for(caught_up.wait(), TIMEOUT)
    jobid = await site.submit(spec(), urgency=0)
    await site.cancel(jobid)
    await asyncio.wait_for(reader, TIMEOUT)
    assert seen[-2:] == site.names(jobid)[-2:] == ["exception", "clean"]


async def test_a_burst_arrives_whole_and_in_order(site: Site) -> None:
    jobids = await asyncio.gather(*(site.submit(simulated()) for _ in range(40)))
    for jobid in jobids:
        await site.wait(jobid)
    assert [site.names(jobid) for jobid in jobids] == [site.completed] * 40

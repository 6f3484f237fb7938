"""The instance itself: its facts, resources and queues, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time

import pytest

from fluxapi.errors import InstanceUnavailable
from fluxapi.instance.broker import BrokerInstance
from fluxapi.instance.embedded import EmbeddedInstance
from fluxapi.instance.protocol import Submission
from fluxapi.model.idset import IdSet
from tests.contract.conftest import make
from tests.contract.site import TIMEOUT, Site, spec
from tests.running import flux_instance


async def test_its_facts(site: Site, kind: str) -> None:
    info = site.info
    assert info.kind == kind
    assert info.owner == os.getuid()
    assert info.hostname == socket.gethostname()
    assert 0 < info.starttime <= time.time()
    assert info.version
    assert info.size >= 1


async def test_it_answers(site: Site) -> None:
    await site.instance.ping()


async def test_its_resources(site: Site) -> None:
    resources = await site.instance.resources()
    ranks = [
        rank
        for entry in resources.all["execution"]["R_lite"]
        for rank in IdSet.parse(entry["rank"])
    ]
    assert sorted(ranks) == list(range(site.info.size)) == list(IdSet.parse(resources.online))
    assert (resources.offline, resources.exclude, resources.torpid) == ("", "", "")
    assert resources.drain == {}
    assert resources.down is None


async def test_the_resources_of_a_job_are_allocated(site: Site) -> None:
    jobid = await site.submit(spec("sleep", "60", cores=2))
    await site.wait(jobid, "start")
    allocated = (await site.instance.resources()).allocated
    assert allocated is not None
    (entry,) = allocated["execution"]["R_lite"]
    assert entry["children"]["core"] == "0-1"
    await site.cancel(jobid)
    assert (await site.instance.resources()).allocated is None


async def test_its_queue(site: Site) -> None:
    (queue,) = await site.instance.queues()
    assert (queue.name, queue.enabled, queue.started) == ("", True, True)
    assert (queue.default, queue.disable_reason, queue.stop_reason) == (True, None, None)


async def test_close_may_come_twice(kind: str, request: pytest.FixtureRequest) -> None:
    instance = make(kind, request)
    await instance.start()
    await instance.close()
    await instance.close()


async def test_close_without_a_start(kind: str, request: pytest.FixtureRequest) -> None:
    await make(kind, request).close()


async def test_a_journal_ends_when_the_instance_is_closed(
    kind: str, request: pytest.FixtureRequest
) -> None:
    site = Site(make(kind, request))
    await site.begin()
    reader = site._reader
    assert reader is not None
    await site.instance.close()
    with pytest.raises(InstanceUnavailable):
        await asyncio.wait_for(reader, 10)


async def test_shutdown_ends_it(kind: str) -> None:
    # One of its own: the others are still needed.
    with contextlib.ExitStack() as stack:
        if kind == "flux":
            uri = await asyncio.to_thread(stack.enter_context, flux_instance(1))
        instance = BrokerInstance(uri) if kind == "flux" else EmbeddedInstance(cores=2)
        await instance.start()
        await instance.shutdown()

        async def until_it_is_gone() -> None:
            while True:
                await instance.ping()
                await asyncio.sleep(0)

        with pytest.raises(InstanceUnavailable):
            await asyncio.wait_for(until_it_is_gone(), TIMEOUT)
        await instance.close()


async def test_a_closed_instance_is_unavailable(kind: str, request: pytest.FixtureRequest) -> None:
    instance = make(kind, request)
    await instance.start()
    await instance.close()
    with pytest.raises(InstanceUnavailable):
        await instance.ping()
    with pytest.raises(InstanceUnavailable):
        await instance.submit([Submission(spec())])

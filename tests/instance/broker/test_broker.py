"""Features of a real Flux only: configuration, drained nodes, purges; and the threads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from fluxapi.errors import InstanceUnavailable
from fluxapi.instance.broker import BrokerInstance
from fluxapi.instance.nodes import describe
from fluxapi.instance.protocol import Queue, Submission
from fluxapi.model.eventlog import JournalMessage, Purged
from tests.contract.site import TIMEOUT, Site, spec
from tests.running import flux, flux_instance, needs_flux

from .conftest import Broker, Connect

pytestmark = needs_flux

CONFIG = """
[policy.jobspec.defaults.system]
queue = "batch"
[queues.batch]
[queues.debug]
"""


@pytest.fixture(scope="module")
def queued(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with flux_instance(2, CONFIG, tmp_path_factory.mktemp("flux")) as uri:
        yield uri


async def test_named_queues_and_the_default_one(queued: str, connect: Connect) -> None:
    instance = await connect(queued, 10)
    assert await instance.queues() == [
        Queue("batch", enabled=True, started=True, default=True),
        Queue("debug", enabled=True, started=True),
    ]


async def test_a_queue_that_is_stopped_and_disabled(queued: str, connect: Connect) -> None:
    instance = await connect(queued, 10)
    await asyncio.to_thread(flux, queued, "queue", "stop", "debug", "-m", "later")
    await asyncio.to_thread(flux, queued, "queue", "disable", "debug", "-m", "not now")
    (queue,) = [queue for queue in await instance.queues() if queue.name == "debug"]
    assert (queue.enabled, queue.started) == (False, False)
    assert (queue.disable_reason, queue.stop_reason) == ("not now", "later")


async def test_a_drained_node_is_down_for_a_reason(queued: str, connect: Connect) -> None:
    instance = await connect(queued, 10)
    await asyncio.to_thread(flux, queued, "resource", "drain", "1", "bad disk")
    resources = await instance.resources()
    assert resources.down is not None
    assert [entry["rank"] for entry in resources.down["execution"]["R_lite"]] == ["1"]
    assert resources.drain["1"]["reason"] == "bad disk"
    await asyncio.to_thread(flux, queued, "resource", "undrain", "1")
    assert (await instance.resources()).down is None


async def test_a_drained_node_is_draining_while_a_job_runs_on_it(
    queued: str, connect: Connect
) -> None:
    instance = await connect(queued, 10)
    flags = ("-n1", "-N1", "--requires=rank:1", "sleep", "inf")
    jobid = await asyncio.to_thread(flux, queued, "submit", "--wait-event=start", *flags)
    await asyncio.to_thread(flux, queued, "resource", "drain", "1", "fan")
    found = describe(await instance.resources())
    assert [node["state"] for node in found["nodes"]] == ["up", "draining"]
    assert found["totals"]["cores"]["free"] == found["nodes"][0]["cores"]["total"]
    await asyncio.to_thread(flux, queued, "cancel", jobid.strip())
    await asyncio.to_thread(flux, queued, "job", "wait-event", jobid.strip(), "clean")
    found = describe(await instance.resources())
    assert [node["state"] for node in found["nodes"]] == ["up", "drained"]
    await asyncio.to_thread(flux, queued, "resource", "undrain", "1")


async def test_a_purge_is_told(broker: Broker) -> None:
    site = Site(BrokerInstance(broker.uri))
    try:
        await site.begin()
        jobid = await site.run(spec())
        await asyncio.to_thread(broker.flux, "job", "purge", "--force", "--num-limit=0")
        await site.until(lambda: any(isinstance(m, Purged) for m in site.messages))
        (purged,) = [m for m in site.messages if isinstance(m, Purged)]
        assert purged.ids == [jobid]
    finally:
        await site.end()


async def test_shutdown_ends_the_instance(broker: Broker, connect: Connect) -> None:
    instance = await connect(broker.uri, 5)
    await instance.shutdown()

    async def until_it_is_gone() -> None:
        while True:
            await instance.ping()

    with pytest.raises(InstanceUnavailable):
        await asyncio.wait_for(until_it_is_gone(), TIMEOUT)


async def test_a_call_does_not_wait_for_a_large_batch(flux_uri: str, connect: Connect) -> None:
    instance = await connect(flux_uri, 30)
    batch = asyncio.create_task(instance.submit([Submission(spec(), urgency=0)] * 3000))
    await asyncio.sleep(0)
    (one,) = await instance.submit([Submission(spec(), urgency=0)])
    assert isinstance(one, int)
    assert not batch.done()
    ids = await batch
    await asyncio.gather(
        *(instance.raise_exception(i, "cancel", 0) for i in [*ids, one] if isinstance(i, int))
    )


async def test_a_backlog_lets_the_event_loop_go_on(flux_uri: str, connect: Connect) -> None:
    instance = await connect(flux_uri, 30)
    ids = await instance.submit([Submission(spec(cores=1000))] * 1000)
    turns = 0
    longest = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counter = asyncio.create_task(count())
    seen: set[int] = set()
    before = 0
    async for batch in instance.changes():
        if not batch:
            # All that had arrived was processed, so the next batch may have arrived in this turn.
            before = -1
            continue
        longest = max(longest, len(batch))
        assert turns > before
        before = turns
        seen.update(m.id for m in batch if isinstance(m, JournalMessage))
        if -1 in seen:
            break
    counter.cancel()
    assert set(ids) <= seen
    assert longest <= 256


async def test_a_journal_that_is_given_up_frees_its_thread(flux_uri: str, connect: Connect) -> None:
    instance = await connect(flux_uri, 5)
    journal = instance.changes()
    await anext(aiter(journal))
    await journal.aclose()  # type: ignore[attr-defined]  # it is a generator
    assert "flux-journal" not in {thread.name for thread in threading.enumerate()}

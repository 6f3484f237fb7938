"""Guests of a real Flux: other users, whom it lets publish events."""

from __future__ import annotations

import asyncio
import json

from fluxapi.instance.broker import BrokerInstance
from fluxapi.model.eventlog import Purged, Resync
from tests.contract.site import Site, spec
from tests.instance.broker.conftest import Broker, broker
from tests.running import flux, needs_flux

__all__ = ["broker"]

pytestmark = needs_flux

GUEST = {"FLUX_HANDLE_USERID": "12345", "FLUX_HANDLE_ROLEMASK": "2"}
"""The owner may send messages as another user, here as one with the role of a guest."""


async def test_a_guest_purges_no_job_and_ends_no_journal(broker: Broker) -> None:
    def publish(jobs: object) -> None:
        told = json.dumps({"jobs": jobs})
        flux(broker.uri, "event", "pub", "job-purge-inactive", told, **GUEST)

    site = Site(BrokerInstance(broker.uri))
    try:
        await site.begin()
        ended = await site.run(spec())
        active = await site.submit(spec("sleep", "inf"))
        await asyncio.to_thread(publish, [ended, active])
        # This would end the journal, and all jobs would be read again.
        await asyncio.to_thread(publish, "all")
        await asyncio.to_thread(broker.flux, "job", "purge", "--force", "--num-limit=0")
        # Events arrive in the order in which they were published.
        await site.until(lambda: any(isinstance(m, Purged) for m in site.messages))
        assert [m.ids for m in site.messages if isinstance(m, Purged)] == [[ended]]
        assert sum(isinstance(m, Resync) for m in site.messages) == 1
    finally:
        await site.end()


async def test_output_is_read_while_a_guest_has_paused_the_list_of_jobs(broker: Broker) -> None:
    pause = "import flux; flux.Flux().rpc('job-list.job-state-pause').get()"
    site = Site(BrokerInstance(broker.uri))
    try:
        await site.begin()
        await asyncio.to_thread(lambda: flux(broker.uri, "python", "-c", pause, **GUEST))
        jobid = await site.run(spec("echo", "hello"))
        entries = await site.output(jobid)
        texts = [(entry.context or {}).get("data") for entry in entries if entry.name == "data"]
        assert "hello\n" in texts
        assert '"clean"' in await site.instance.lookup(jobid, "eventlog")
    finally:
        await site.end()

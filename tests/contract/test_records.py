"""The records of the table, for each kind of stream that it is folded from."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from fluxapi.model.eventlog import JournalMessage, Purged, Resync
from fluxapi.table.table import Table
from tests.contract.conftest import make
from tests.contract.polling import PollingInstance
from tests.contract.site import TIMEOUT, Site, shell, spec
from tests.running import needs_flux

FLUX, POLLING = (pytest.param(kind, marks=needs_flux) for kind in ("flux", "polling"))


@pytest.fixture(params=[FLUX, "embedded", POLLING])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class Folded:
    """A table that follows a stream of its own, and why it changed last."""

    def __init__(self, site: Site) -> None:
        self.table = Table()
        self.kinds: list[type] = []
        self._site = site
        self._changed = asyncio.Condition()

    async def follow(self) -> None:
        async for batch in self._site.instance.changes():
            async with self._changed:
                for message in batch:
                    self.kinds.append(type(message))
                    self.table.feed([message])
                self._changed.notify_all()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with self._changed:
            await asyncio.wait_for(self._changed.wait_for(condition), TIMEOUT)

    async def ended(self, *jobids: int) -> None:
        def over(jobid: int) -> bool:
            job = self.table.get(jobid)
            return job is not None and job.is_inactive

        await self.until(lambda: all(map(over, jobids)))


@pytest.fixture
async def folded(site: Site) -> AsyncIterator[Folded]:
    made = Folded(site)
    following = asyncio.create_task(made.follow())
    await made.until(lambda: not made.table.replaying)
    yield made
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


async def test_the_record_of_a_job_that_has_ended(site: Site, folded: Folded) -> None:
    good = await site.submit(spec("true"))
    bad = await site.submit(shell("exit 3"))
    held = await site.submit(spec(), urgency=0)
    await site.instance.raise_exception(held, "cancel", 0, "enough")
    await folded.ended(good, bad, held)
    records: dict[int, dict[str, Any]] = {
        jobid: folded.table.record(jobid) for jobid in (good, bad, held)
    }
    assert [records[jobid]["result"] for jobid in (good, bad, held)] == [
        "COMPLETED",
        "FAILED",
        "CANCELED",
    ]
    assert [records[good][name] for name in ("name", "ntasks", "ncores")] == ["true", 1, 1]
    assert (records[good]["returncode"], records[bad]["returncode"]) == (0, 3)
    assert records[held]["exception"]["note"] == "enough"
    assert "t_run" not in records[held]
    assert records[good]["nnodes"] == 1
    assert records[good]["nodelist"]
    times = [records[good][f"t_{name}"] for name in ("submit", "run", "cleanup", "inactive")]
    assert times == sorted(times)


async def test_the_record_of_an_active_job(site: Site, folded: Folded) -> None:
    held = await site.submit(spec("true", cores=1), urgency=0)
    await folded.until(lambda: held in folded.table.index.state.get("SCHED", ()))
    running = await site.submit(spec("sleep", "60"))
    await folded.until(lambda: running in folded.table.index.state.get("RUN", ()))
    for jobid in (held, running):
        await site.instance.raise_exception(jobid, "cancel", 0)
    await folded.ended(held, running)


async def test_a_stream_begins_with_a_whole_listing(site: Site) -> None:
    jobid = await site.run(spec())
    late = Folded(site)
    following = asyncio.create_task(late.follow())
    await late.until(lambda: not late.table.replaying)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    assert late.kinds[0] is Resync
    assert jobid in late.table
    assert set(late.kinds) <= {Resync, JournalMessage, Purged}


async def test_a_listing_tells_how_many_jobs_follow(site: Site) -> None:
    await site.run(spec())
    listed: set[int] = set()
    begin: Resync | None = None
    async with contextlib.aclosing(site.instance.changes()) as changes:  # type: ignore[type-var]
        async for message in (message async for batch in changes for message in batch):
            if isinstance(message, Resync):
                begin = message
            elif isinstance(message, JournalMessage):
                if message.is_sentinel:
                    break
                listed.add(message.id)
    assert begin is not None
    assert begin.jobs in ({None} if isinstance(site.instance, PollingInstance) else {len(listed)})


@pytest.mark.parametrize("kind", [POLLING], indirect=True)
async def test_a_source_that_starts_over_changes_no_row(site: Site, folded: Folded) -> None:
    assert isinstance(site.instance, PollingInstance)
    before = await site.submit(spec())
    await folded.ended(before)
    kept = folded.table.record(before)
    site.instance.resyncs += 1
    await folded.until(lambda: folded.kinds.count(Resync) == 2 and not folded.table.replaying)
    assert folded.table.record(before) == kept
    after = await site.submit(shell("exit 1"))
    await folded.ended(after)
    assert folded.table.record(after)["result"] == "FAILED"


@pytest.mark.parametrize("kind", [POLLING], indirect=True)
async def test_a_listing_and_the_journal_make_the_same_record(
    site: Site, folded: Folded, request: pytest.FixtureRequest
) -> None:
    jobs = [await site.submit(job) for job in (spec(), shell("exit 1"), spec(cores=1000))]
    await folded.ended(*jobs)
    exact = Folded(Site(make("flux", request)))
    exact._site.info = await exact._site.instance.start()
    following = asyncio.create_task(exact.follow())
    await exact.until(lambda: not exact.table.replaying)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    await exact._site.instance.close()
    # How many entries the eventlog has, and what the scheduler said, no listing tells.
    untold = {"revision", "annotations", "duration"}
    for jobid in jobs:
        derived, known = folded.table.record(jobid), exact.table.record(jobid)
        assert {k: v for k, v in derived.items() if k not in untold} == {
            k: v for k, v in known.items() if k not in untold
        }

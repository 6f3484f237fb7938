"""The journal: backlog, sentinel, live; bounded by what is unread."""

from __future__ import annotations

import asyncio
import json

import pytest

from fluxapi.errors import InstanceUnavailable, JobNotFound, NotFound
from fluxapi.instance.protocol import Submission
from fluxapi.model.eventlog import JournalMessage, Purged, decode_eventlog

from .conftest import Starter
from .harness import Journal, Site, spec


async def test_live_messages_hold_one_event_each(site: Site) -> None:
    await site.run(spec("true"))
    live = [m for m in site.journal.messages if isinstance(m, JournalMessage)]
    assert all(len(message.events) == 1 for message in live[1:])


async def test_jobspec_and_resources_come_with_their_events(site: Site) -> None:
    jobid = await site.run(spec("true", duration=60))
    by_name = {
        message.events[0].name: message
        for message in site.journal.messages
        if isinstance(message, JournalMessage) and message.id == jobid
    }
    submit, alloc = by_name.pop("submit"), by_name.pop("alloc")
    assert submit.jobspec is not None
    assert "environment" not in submit.jobspec["attributes"]["system"]
    assert alloc.R is not None
    execution = alloc.R["execution"]
    assert execution["R_lite"] == [{"rank": "0", "children": {"core": "0"}}]
    assert execution["expiration"] == execution["starttime"] + 60
    assert all(message.jobspec is None is message.R for message in by_name.values())


async def test_the_backlog_holds_whole_eventlogs(site: Site) -> None:
    jobid = await site.run(spec("true"))
    held = await site.submit(spec("true"), urgency=0)
    later = Journal(site.instance)
    await later.live.wait()
    await later.close()
    backlog = {message.id: message for message in later.backlog}
    assert set(backlog) == {jobid, held}
    assert backlog[jobid].events == decode_eventlog(await site.instance.lookup(jobid, "eventlog"))
    assert backlog[jobid].R is not None
    assert backlog[held].R is None
    spec_ = backlog[held].jobspec
    assert spec_ is not None
    assert "environment" not in spec_["attributes"]["system"]


async def test_long_eventlogs_come_in_batches_of_few(site: Site) -> None:
    memos = 3
    for _ in range(4):
        held = await site.submit(spec("true"), urgency=0)
        for _ in range(memos):
            await site.instance.post_memo(held, {"note": "x" * 50_000})
        await site.instance.raise_exception(held, "cancel", 0)
        await site.journal.wait(held)
    sizes: list[int] = []
    async for batch in site.instance.changes():
        found = [it for it in batch if isinstance(it, JournalMessage)]
        if any(it.is_sentinel for it in found):
            break
        sizes.append(len(found))
    assert sizes == [0, 2, 2]


@pytest.mark.slow
async def test_a_stream_that_opens_under_load_misses_and_repeats_nothing(site: Site) -> None:
    jobs = 300
    submitting = asyncio.create_task(site.instance.submit([Submission(spec("true"))] * jobs))
    late = []
    for _ in range(5):
        for _ in range(50):
            await asyncio.sleep(0)
        late.append(Journal(site.instance))
    ids = [result for result in await submitting if isinstance(result, int)]
    assert len(ids) == jobs
    for journal in [site.journal, *late]:
        for jobid in ids:
            await journal.wait(jobid)
        wrong = [jobid for jobid in ids if journal.names(jobid) != site.journal.names(jobid)]
        assert wrong == []
    for journal in late:
        await journal.close()


async def test_lookup(site: Site) -> None:
    jobid = await site.run(spec("true"))
    jobspec = json.loads(await site.instance.lookup(jobid, "jobspec"))
    assert "environment" not in jobspec["attributes"]["system"]
    R = json.loads(await site.instance.lookup(jobid, "R"))
    assert R["version"] == 1
    with pytest.raises(JobNotFound):
        await site.instance.lookup(12345, "eventlog")


async def test_the_values_of_a_jobspec_are_not_decoded_to_look_it_up(site: Site) -> None:
    # An encoder would write one digit less.
    whole = spec("true", queue=None, note=["a"]).replace(b'["a"]', b"[1.50,[],{}]")
    jobid = await site.submit(whole, urgency=0)
    text = await site.instance.lookup(jobid, "jobspec")
    assert "[1.50,[],{}]" in text
    expected = json.loads(whole)
    del expected["attributes"]["system"]["environment"]
    assert json.loads(text) == expected


async def test_resources_of_a_job_that_never_had_any(site: Site) -> None:
    jobid = await site.submit(spec("true"), urgency=0)
    with pytest.raises(NotFound):
        await site.instance.lookup(jobid, "R")


async def test_the_oldest_inactive_jobs_are_purged(start: Starter) -> None:
    site = await start(max_inactive=2)
    ids = [await site.run(spec("true")) for _ in range(4)]
    await site.journal.until(lambda: len(site.journal.purged) == 2)
    assert site.journal.purged == ids[:2]
    with pytest.raises(JobNotFound):
        await site.instance.lookup(ids[0], "eventlog")
    assert await site.instance.lookup(ids[3], "eventlog")
    assert any(isinstance(message, Purged) for message in site.journal.messages)


async def test_large_inactive_jobs_are_purged_before_they_fill_the_memory(
    start: Starter,
) -> None:
    site = await start(max_inactive_bytes=100_000)
    ids = [await site.run(spec("true", "x" * 40_000)) for _ in range(4)]
    await site.journal.until(lambda: len(site.journal.purged) == 2)
    assert site.journal.purged == ids[:2]
    assert await site.instance.lookup(ids[3], "eventlog")


async def test_resources_and_queues(start: Starter) -> None:
    site = await start(cores=4, gpus=2, hostname="here")
    jobid = await site.submit(spec("sleep", "60", tasks=2))
    await site.journal.wait(jobid, "start")
    resources = await site.instance.resources()
    children = {"core": "0-3", "gpu": "0-1"}
    assert resources.all["execution"]["R_lite"] == [{"rank": "0", "children": children}]
    assert resources.all["execution"]["nodelist"] == ["here"]
    assert resources.allocated is not None
    assert resources.allocated["execution"]["R_lite"] == [
        {"rank": "0", "children": {"core": "0-1"}}
    ]
    assert (resources.down, resources.drain, resources.online) == (None, {}, "0")
    [queue] = await site.instance.queues()
    assert (queue.name, queue.enabled, queue.started) == ("", True, True)


async def test_after_close_everything_is_unavailable(start: Starter) -> None:
    site = await start()
    await site.instance.close()
    await site.instance.close()
    with pytest.raises(InstanceUnavailable):
        await site.instance.ping()
    with pytest.raises(InstanceUnavailable):
        await site.instance.submit([Submission(spec("true"))])
    with pytest.raises(InstanceUnavailable):
        await anext(site.instance.changes())


async def test_shutdown_ends_the_journal(start: Starter) -> None:
    site = await start()
    await site.instance.shutdown()
    with pytest.raises(InstanceUnavailable, match="ended"):
        await site.journal._task

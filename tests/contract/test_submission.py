"""Submission: ids, order, and what happens to what cannot be submitted."""

from __future__ import annotations

import asyncio
import errno

import pytest

from fluxapi.errors import FluxRefused, InstanceUnavailable
from fluxapi.instance.protocol import Submission
from fluxapi.model import jobid as jobids
from tests.contract.site import Site, simulated, spec


async def test_an_id_is_a_fluid(site: Site) -> None:
    jobid = await site.run(spec())
    assert jobids.parse(jobids.encode_f58(jobid)) == jobid


async def test_ids_increase_in_the_order_of_submission(site: Site) -> None:
    ids = [await site.run(spec()) for _ in range(3)]
    assert ids == sorted(set(ids))


async def test_many_jobs_get_ids_in_order(site: Site) -> None:
    ids = await site.instance.submit([Submission(simulated())] * 50)
    assert all(isinstance(jobid, int) for jobid in ids)
    assert ids == sorted(set(ids), key=int)  # type: ignore[arg-type]  # they are ints
    await asyncio.gather(*(site.wait(jobid) for jobid in ids if isinstance(jobid, int)))


async def test_concurrent_submissions_are_kept_apart(site: Site) -> None:
    ids = await asyncio.gather(*(site.submit(spec(cores=n)) for n in (1, 2, 1, 2)))
    for jobid, cores in zip(ids, (1, 2, 1, 2), strict=True):
        await site.wait(jobid)
        jobspec = site.told(jobid)[0].jobspec
        assert jobspec is not None
        assert jobspec["resources"][0]["with"][0]["count"] == cores


async def test_a_job_whose_client_has_left_is_not_submitted(site: Site) -> None:
    gone = Submission(spec(), has_left=lambda: True)
    first, missing, last = await site.instance.submit(
        [Submission(simulated()), gone, Submission(simulated())]
    )
    assert isinstance(missing, InstanceUnavailable)
    for jobid in (first, last):
        assert isinstance(jobid, int)
        await site.wait(jobid)


async def test_no_jobs_are_no_ids(site: Site) -> None:
    assert await site.instance.submit([]) == []


@pytest.mark.parametrize(
    "bad",
    [
        b"{}",
        b"no json",
        b"[]",
        b" 1",
        spec().replace(b'"version": 1', b'"version": 999'),
        spec().replace(b'"count": 1', b'"count": 0'),
        spec().replace(b'"command": ["true"]', b'"command": []'),
    ],
    ids=["empty", "no-json", "list", "number", "version", "no-slots", "no-command"],
)
async def test_a_bad_jobspec_is_refused_in_its_place(site: Site, bad: bytes) -> None:
    first, refusal, last = await site.instance.submit(
        [Submission(spec()), Submission(bad), Submission(spec())]
    )
    assert isinstance(first, int)
    assert isinstance(refusal, FluxRefused), refusal
    assert isinstance(last, int)


async def test_a_queue_that_there_is_not_is_refused_in_the_same_words(site: Site) -> None:
    (refusal,) = await site.instance.submit([Submission(spec("true", queue="nope"))])
    assert isinstance(refusal, FluxRefused)
    assert refusal.detail == "Flux refused: 'nope' is not a valid queue."
    assert refusal.members == {"flux": "'nope' is not a valid queue", "errno": errno.EINVAL}


@pytest.mark.parametrize("urgency", [-1, 32])
async def test_an_urgency_out_of_range_is_refused(site: Site, urgency: int) -> None:
    (refusal,) = await site.instance.submit([Submission(spec(), urgency=urgency)])
    assert isinstance(refusal, FluxRefused)


@pytest.mark.parametrize(
    ("options", "flags"),
    [
        ({}, 0),
        ({"debug": True}, 2),
        ({"waitable": True}, 4),
        ({"debug": True, "waitable": True}, 6),
    ],
)
async def test_flags_are_in_the_submit_event(
    site: Site, options: dict[str, bool], flags: int
) -> None:
    jobid = await site.run(spec(), **options)
    context = site.context(jobid, "submit")
    assert context == {"userid": site.info.owner, "urgency": 16, "flags": flags, "version": 1}


async def test_the_journal_sends_the_jobspec_without_its_environment(site: Site) -> None:
    jobid = await site.run(spec(environment={"SECRET": "x", "PATH": "/bin:/usr/bin"}))
    (message,) = [message for message in site.told(jobid) if message.jobspec is not None]
    assert message.events[0].name == "submit"
    assert message.jobspec is not None
    assert message.jobspec["tasks"][0]["command"] == ["true"]
    assert "environment" not in message.jobspec["attributes"]["system"]


async def test_the_journal_sends_r_with_the_alloc_event(site: Site) -> None:
    jobid = await site.run(spec())
    (message,) = [message for message in site.told(jobid) if message.R is not None]
    assert message.events[0].name == "alloc"
    assert message.R is not None
    assert message.R["execution"]["nodelist"] == [site.info.hostname]

"""The records that Flux keeps of a job: eventlog, jobspec, R."""

from __future__ import annotations

import json

import pytest

from fluxapi.errors import JobNotFound, NotFound
from fluxapi.instance.protocol import LookupKey
from fluxapi.model.eventlog import decode_eventlog
from tests.contract.site import COMPLETED, UNKNOWN, Site, spec

SOME = 10
"""Jobs, for what happens with nearly each of them."""


async def test_the_eventlog_is_what_the_journal_told(site: Site) -> None:
    jobid = await site.run(spec())
    eventlog = decode_eventlog(await site.instance.lookup(jobid, "eventlog"))
    assert eventlog == site.events(jobid)
    assert [event.name for event in eventlog] == COMPLETED


async def test_the_eventlog_has_what_the_journal_has_just_told(site: Site) -> None:
    for _ in range(SOME):
        jobid = await site.submit(spec(), urgency=0)
        await site.wait(jobid, "priority")
        eventlog = decode_eventlog(await site.instance.lookup(jobid, "eventlog"))
        assert [event.name for event in eventlog] == COMPLETED[:4]
        await site.cancel(jobid)


async def test_the_jobspec_comes_without_its_environment(site: Site) -> None:
    jobspec = spec("echo", "x", environment={"SECRET": "x"})
    jobid = await site.run(jobspec)
    expected = json.loads(jobspec)
    del expected["attributes"]["system"]["environment"]
    assert json.loads(await site.instance.lookup(jobid, "jobspec")) == expected


async def test_r_names_what_the_job_had(site: Site) -> None:
    jobid = await site.run(spec(cores=2))
    R = json.loads(await site.instance.lookup(jobid, "R"))
    (entry,) = R["execution"]["R_lite"]
    assert entry["children"]["core"] == "0-1"
    assert R["execution"]["starttime"] > 0


async def test_a_job_that_never_had_resources_has_no_r(site: Site) -> None:
    jobid = await site.submit(spec(), urgency=0)
    await site.cancel(jobid)
    with pytest.raises(NotFound) as error:
        await site.instance.lookup(jobid, "R")
    assert not isinstance(error.value, JobNotFound)


@pytest.mark.parametrize("key", ["eventlog", "jobspec", "R"])
@pytest.mark.parametrize("jobid", [UNKNOWN, 2**64 - 1])
async def test_there_is_nothing_of_an_unknown_job(site: Site, jobid: int, key: LookupKey) -> None:
    with pytest.raises(JobNotFound):
        await site.instance.lookup(jobid, key)

"""The events of a job from submit to clean, for each way that it can go."""

from __future__ import annotations

import json
import time

import pytest

from fluxapi.instance.release import Release
from tests.contract.site import COMPLETED, Site, shell, spec

FAILED_AFTER_START = [*COMPLETED[:6], "exception", *COMPLETED[6:]]
NEVER_ALLOCATED = [*COMPLETED[:4], "exception", "clean"]


def after(scheme: str, jobid: int) -> list[dict[str, str]]:
    return [{"scheme": scheme, "value": str(jobid)}]


async def test_a_job_that_completes(site: Site) -> None:
    jobid = await site.run(spec())
    assert site.names(jobid) == COMPLETED
    assert site.context(jobid, "finish") == {"status": 0}
    assert site.context(jobid, "release") == {"ranks": "all", "final": True}
    assert site.context(jobid, "priority") == {"priority": 16}


async def test_timestamps_are_now_and_in_order(site: Site) -> None:
    before = time.time()
    jobid = await site.run(spec())
    times = [event.timestamp for event in site.events(jobid)]
    assert before - 1 < times[0] <= times[-1] < time.time() + 1


@pytest.mark.parametrize(
    ("script", "status"),
    [("exit 3", 3 << 8), ("exit 255", 255 << 8), ("kill -TERM $$", (128 + 15) << 8)],
)
async def test_a_job_that_fails(site: Site, script: str, status: int) -> None:
    jobid = await site.run(shell(script))
    assert site.names(jobid) == COMPLETED
    assert site.context(jobid, "finish") == {"status": status}


async def test_the_worst_task_gives_the_status(site: Site) -> None:
    jobid = await site.run(shell("exit $FLUX_TASK_RANK", tasks=3))
    assert site.context(jobid, "finish") == {"status": 2 << 8}


async def test_a_job_whose_time_is_over(site: Site) -> None:
    jobid = await site.run(spec("sleep", "60", duration=0.5))
    assert site.names(jobid) == FAILED_AFTER_START
    exception = site.context(jobid, "exception")
    assert (exception["type"], exception["severity"]) == ("timeout", 0)
    assert site.context(jobid, "finish") == {"status": (128 + 14) << 8}


async def test_a_program_that_is_not_there(site: Site) -> None:
    jobid = await site.run(spec("/no/such/program"))
    assert site.names(jobid) == FAILED_AFTER_START
    exception = site.context(jobid, "exception")
    assert (exception["type"], exception["severity"]) == ("exec", 0)
    assert exception["note"].endswith("/no/such/program: No such file or directory")
    assert site.context(jobid, "finish") == {"status": 127 << 8}


async def test_a_program_that_may_not_be_executed(site: Site) -> None:
    jobid = await site.run(spec("/etc/passwd"))
    assert site.context(jobid, "exception")["type"] == "exec"
    assert site.context(jobid, "finish") == {"status": 126 << 8}


async def test_a_working_directory_that_is_not_there(site: Site) -> None:
    # Flux's shell complains and goes on in the broker's directory.
    jobid = await site.run(spec("true", cwd="/no/such/directory"))
    assert site.names(jobid) == COMPLETED
    assert site.context(jobid, "finish") == {"status": 0}


async def test_a_request_that_cannot_be_satisfied(site: Site) -> None:
    jobid = await site.run(spec(cores=1000))
    assert site.names(jobid) == NEVER_ALLOCATED
    exception = site.context(jobid, "exception")
    assert (exception["type"], exception["severity"]) == ("alloc", 0)
    assert "unsatisfiable" in exception["note"]


async def test_a_held_job_runs_when_it_is_released(site: Site) -> None:
    jobid = await site.submit(spec(), urgency=0)
    await site.wait(jobid, "priority")
    await site.instance.set_urgency(jobid, 20)
    await site.wait(jobid)
    assert site.names(jobid) == [*COMPLETED[:4], "urgency", "priority", *COMPLETED[4:]]
    priorities = [e.context for e in site.events(jobid) if e.name == "priority"]
    assert priorities == [{"priority": 0}, {"priority": 20}]
    assert site.context(jobid, "urgency") == {"userid": site.info.owner, "urgency": 20}


async def test_urgency_31_is_the_highest_priority(site: Site) -> None:
    jobid = await site.run(spec(), urgency=31)
    assert site.context(jobid, "priority") == {"priority": 2**32 - 1}


async def test_several_tasks_on_all_their_cores(site: Site) -> None:
    jobid = await site.run(spec(tasks=2, cores=2))
    R = json.loads(await site.instance.lookup(jobid, "R"))
    assert R["version"] == 1
    assert R["execution"]["R_lite"]


@pytest.mark.parametrize(
    ("scheme", "script", "met"),
    [
        ("afterok", "true", True),
        ("afterok", "false", False),
        ("afterany", "false", True),
        ("afternotok", "false", True),
        ("afternotok", "true", False),
        ("afterstart", "true", True),
    ],
)
async def test_a_dependency_is_met_or_never(
    site: Site, scheme: str, script: str, *, met: bool
) -> None:
    if scheme == "afterstart":
        site.needs(Release(0, 85), "the scheme afterstart")
    first = await site.submit(shell(script), urgency=0)
    second = await site.submit(spec(dependencies=after(scheme, first)))
    await site.wait(second, "validate")
    assert site.names(second) == ["submit", "dependency-add", "validate"]
    await site.instance.set_urgency(first, 16)
    await site.wait(second)
    added = site.context(second, "dependency-add")["description"]
    if met:
        assert site.names(second) == [
            "submit",
            "dependency-add",
            "validate",
            "dependency-remove",
            *COMPLETED[2:],
        ]
        assert site.context(second, "dependency-remove") == {"description": added}
    else:
        assert site.names(second) == ["submit", "dependency-add", "validate", "exception", "clean"]
        exception = site.context(second, "exception")
        assert (exception["type"], exception["severity"]) == ("dependency", 0)
        assert exception["note"] == f"dependency {added} can never be satisfied"

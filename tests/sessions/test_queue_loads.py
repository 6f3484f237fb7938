"""The loads of queues: counted in slices of jobs, while jobs come and go."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any, cast

from fluxapi.model.job import Job
from fluxapi.sessions.queue_loads import first_in_line, read_loads
from fluxapi.table.job_lists import slices
from fluxapi.table.sorted_keys import SortedKeys
from fluxapi.table.table import Table

NOW = 1000.0


def table_of(jobs: dict[int, Job]) -> Table:
    states: dict[str, SortedKeys[int]] = {}
    for jobid, job in jobs.items():
        states.setdefault(job.state, SortedKeys()).add(jobid)
    index = SimpleNamespace(state=states, all=SortedKeys(jobs))
    return cast("Table", SimpleNamespace(index=index, get=jobs.get))


async def test_jobs_are_in_the_order_of_flux() -> None:
    rng = random.Random(7)  # noqa: S311 - examples
    jobs = {
        jobid: Job(
            jobid,
            state=rng.choice(["SCHED", "SCHED", "DEPEND", "RUN"]),
            priority=rng.randrange(9),
            has_priority=True,
            urgency=16,
            t_submit=float(rng.randrange(900)),
            queue=rng.choice(["a", "b"]),
        )
        for jobid in range(1, 9000)
    }
    loads = await read_loads(table_of(jobs), NOW)
    assert set(loads) == {"a", "b"}
    for queue, load in loads.items():
        mine = [job for job in jobs.values() if job.queue == queue]
        waiting = [job for job in mine if job.state == "SCHED" and job.priority]
        ordered = sorted(waiting, key=lambda job: (-job.priority, job.id))
        assert load.running == sum(job.state == "RUN" for job in mine)
        assert sum(load.pending.values()) == len(mine) - load.running
        assert len(load.line) == len(load.submits) == len(waiting)
        assert [load.place(job) for job in ordered] == list(range(1, len(ordered) + 1))
        times = sorted(job.t_submit for job in waiting)
        middle = (times[(len(times) - 1) // 2] + times[len(times) // 2]) / 2
        assert load.median_wait(NOW) == NOW - middle
        assert load.oldest == times[0]


def waiting(jobid: int, queue: str = "a", **known: Any) -> Job:
    return Job(jobid, state="SCHED", has_priority=True, queue=queue, **{"priority": 16, **known})


def test_the_first_in_line_is_the_one_that_flux_offers_first() -> None:
    jobs = [
        waiting(1, urgency=0, priority=0),
        waiting(2),
        waiting(3, priority=20),
        waiting(4, priority=20),
        waiting(5, "b"),
        Job(6, state="RUN", queue="c"),
    ]
    assert first_in_line(table_of({job.id: job for job in jobs})) == {"a": 3, "b": 5}


def test_among_very_many_jobs_no_first_one_is_looked_for() -> None:
    jobs = {jobid: waiting(jobid) for jobid in range(1, 2001)}
    assert first_in_line(table_of(jobs)) == {"a": 1}
    jobs[2001] = waiting(2001)
    assert first_in_line(table_of(jobs)) == {}


def test_few_ids_are_copied_at_once_and_may_change() -> None:
    jobs = {"SCHED": SortedKeys(range(5000))}
    found: list[int] = []
    for some in slices(jobs, "SCHED"):
        assert len(some) <= 1024
        found += some
        jobs["SCHED"].discard(some[-1] + 1)
        if len(found) > 4000 and 6000 not in jobs["SCHED"]:
            jobs["SCHED"].add(6000)
    gone = {1024, 2049, 3074, 4099}
    assert found == [*(jobid for jobid in range(5000) if jobid not in gone), 6000]
    assert not list(slices(cast("Any", {}), "SCHED"))

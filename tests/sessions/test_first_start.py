"""The first job in line among the queues, and what bounds its start."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fluxapi.model.counts import read_counts
from fluxapi.model.job import Job
from fluxapi.model.resources import Allocation
from fluxapi.sessions.first_start import FirstStart
from fluxapi.sessions.queue_loads import first_of_others
from fluxapi.table.sorted_keys import SortedKeys
from fluxapi.table.table import Table

_CORE = {"type": "core", "count": 1}
CORE, GPU = (
    [{"type": "slot", "count": 4, "label": "task", "with": parts}]
    for parts in ([_CORE], [_CORE, {"type": "gpu", "count": 1}])
)


def waiting(jobid: int, queue: str, **known: Any) -> Job:
    given = {"priority": 16, "counts": read_counts(CORE, [], None), **known}
    return Job(jobid, state="SCHED", has_priority=True, queue=queue, **given)


def running(jobid: int, rank: int, **known: Any) -> Job:
    given = {"state": "RUN", "t_run": 100.0, "duration": 60.0, **known}
    return Job(jobid, allocation=Allocation(f"{rank}", f"node{rank}", 1, 4), **given)


def node(rank: int, *properties: str, **known: Any) -> dict[str, Any]:
    cores = {"total": 4, "allocated": 4}
    found = {"rank": rank, "state": "up", "allocated": True, "cores": cores}
    return {**found, "properties": list(properties), **known}


def queue(name: str, *requires: str, started: bool = True) -> dict[str, Any]:
    return {"name": name, "started": started, "requires": list(requires)}


APART = [queue("a", "a"), queue("b", "b")]
NODES = [node(0, "a"), node(1, "b")]
BUSY = [running(1, 0), running(2, 1, duration=30.0)]


async def told(
    jobs: list[Job], queues: list[dict[str, Any]] | None = None, nodes: Any = None
) -> dict[int, float]:
    """Return the latest start of each waiting job that has one."""
    states: dict[str, SortedKeys[int]] = {}
    for job in jobs:
        states.setdefault(job.state, SortedKeys()).add(job.id)
    known = {job.id: job for job in jobs}
    table = cast("Table", SimpleNamespace(index=SimpleNamespace(state=states), get=known.get))
    observer = SimpleNamespace(
        queues=APART if queues is None else queues, last_nodes={"nodes": nodes or NODES}
    )
    first = FirstStart(table, cast("Any", observer))
    found = {job.id: await first.of(job) for job in jobs if job.state == "SCHED"}
    return {jobid: time for jobid, time in found.items() if time is not None}


async def test_only_the_first_of_all_lines_has_a_latest_start() -> None:
    jobs = [*BUSY, waiting(3, "a"), waiting(4, "a"), waiting(5, "b")]
    assert await told(jobs) == {3: 160.0}
    jobs[-1].priority = 20
    # Only the nodes of its own queue count.
    assert await told(jobs) == {5: 130.0}


def test_a_queue_knows_the_job_of_another_one_that_comes_before_its_own() -> None:
    known = {job.id: job for job in (waiting(3, "a"), waiting(4, "b"), waiting(2, "stopped"))}
    table = cast("Table", SimpleNamespace(get=known.get))
    firsts = {"a": 3, "b": 4, "stopped": 2, "gone": 1}
    expected = {"b": 3, "stopped": 3, "gone": 3}
    assert first_of_others(table, firsts, {"a", "b", "gone"}) == expected
    assert first_of_others(table, firsts, ()) == {}


class _Looks(list[str]):
    """The properties of a node, which count how often they are looked at."""

    looks = 0

    def __iter__(self) -> Iterator[str]:
        self.looks += 1
        return super().__iter__()


async def test_a_node_is_compared_with_no_single_queue() -> None:
    names = [f"q{number}" for number in range(50)]
    looks = _Looks(["a"])
    nodes = [{**node(0), "properties": looks}, *(node(1, name) for name in names)]
    jobs = [*BUSY, waiting(3, "a"), *(waiting(10 + at, name) for at, name in enumerate(names))]
    queues = [queue("a", "a"), *(queue(name, name) for name in names)]
    assert await told(jobs, queues, nodes) == {3: 160.0}
    assert looks.looks <= 3
    # A node that another queue may use, too.
    assert await told(jobs, queues, [*nodes, node(2, "a", "q49")]) == {}


async def test_a_line_that_does_not_move_is_passed_over() -> None:
    jobs = [*BUSY, waiting(3, "a", priority=30), waiting(4, "b")]
    stopped = [queue("a", "a", started=False), queue("b", "b")]
    assert await told(jobs, stopped) == {4: 130.0}
    jobs[2].urgency = 0
    assert await told(jobs) == {4: 130.0}


async def test_jobs_of_a_queue_on_the_same_nodes_may_come_first() -> None:
    jobs = [*BUSY, waiting(3, "a"), waiting(4, "b")]
    assert await told(jobs, nodes=[node(0, "a", "b"), node(1, "b")]) == {}
    assert await told(jobs[:-1], nodes=[node(0, "a", "b"), node(1, "b")]) == {3: 160.0}


@pytest.mark.parametrize(
    "job",
    [
        waiting(3, "a", counts=None),
        waiting(3, "a", counts=read_counts(GPU, [], None)),
        waiting(3, "a", counts=read_counts(CORE, [], None, {"hostlist": ["node0"]})),
        waiting(3, "a", counts=read_counts(CORE, [], None, {"properties": ["c"]})),
        waiting(3, "a", annotations={"sched": {"t_estimate": 150.0}}),
        waiting(3, "c"),
    ],
)
async def test_nothing_is_told_of_a_job_of_which_too_little_is_known(job: Job) -> None:
    assert await told([*BUSY, job]) == {}


@pytest.mark.parametrize("known", [{"state": "drained"}, {"unschedulable": True}])
async def test_nodes_that_start_no_job_do_not_count(known: dict[str, Any]) -> None:
    nodes = [node(0, "a", **known), node(1, "b")]
    assert await told([*BUSY, waiting(3, "a")], nodes=nodes) == {}


async def test_a_job_that_cleans_up_has_no_limit_any_more() -> None:
    jobs = [running(1, 0, state="CLEANUP"), waiting(3, "a")]
    assert await told(jobs) == {}
    assert await told([running(1, 0, expiration=500.0), waiting(3, "a")]) == {3: 500.0}


async def test_without_the_queues_nothing_is_told() -> None:
    assert await told([*BUSY, waiting(3, "a")], []) == {}

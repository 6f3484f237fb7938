"""The limits of a request: which jobs are sent, and how often all jobs are counted."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import ClassVar

import pytest

from fluxapi.job_limits import job_limits
from fluxapi.job_limits.dependency_limit import DependencyLimit
from fluxapi.job_limits.job_limits import JobLimits, Results, usual_limits
from fluxapi.job_limits.memory_limit import LARGE_BYTES, MemoryLimit
from fluxapi.job_limits.singleton_limit import MAX_SINGLETONS, SingletonLimit
from fluxapi.model.job import Job
from fluxapi.model.submission import Submission
from fluxapi.process.timeslice import TimeSlice
from fluxapi.table.table import Table

from .requests import end, refused, show, taken, under_way

PLAIN = Submission(b"{}")
WAITS = Submission(b"{}", dependencies=1, after=(1,))
SINGLE = Submission(b"{}", dependencies=1, singleton="a")


class Counts(DependencyLimit):
    """A limit that refuses no job, and notes which ones it counts."""

    read: ClassVar[list[int]] = []

    def refusal(self, submission: Submission) -> None:
        """Refuse no job."""

    def empty(self) -> Counts:
        return Counts()

    def count(self, job: Job) -> None:
        self.read.append(job.id)


async def test_only_the_jobs_that_are_not_refused_are_sent(table: Table) -> None:
    sent: list[Submission] = []

    async def send(jobs: Sequence[Submission]) -> Results:
        sent.extend(jobs)
        return list(range(10, 10 + len(jobs)))

    limits = JobLimits(table, [SingletonLimit()])
    async with under_way(limits, [SINGLE] * (MAX_SINGLETONS - 1)):
        results = await limits.submit([PLAIN, SINGLE, SINGLE, WAITS], send)
    assert sent == [PLAIN, SINGLE, WAITS]
    assert results[:2] == [10, 11]
    assert results[3] == 12
    assert not isinstance(results[2], int)


async def test_jobs_without_a_limit_are_sent_as_they_are(table: Table) -> None:
    jobs = [PLAIN] * 3
    given: list[Sequence[Submission]] = []

    async def send(sent: Sequence[Submission]) -> Results:
        given.append(sent)
        return [1, 2, 3]

    assert await JobLimits(table, usual_limits(table, 1)).submit(jobs, send) == [1, 2, 3]
    assert given[0] is jobs


async def test_few_jobs_that_come_and_go_are_not_counted_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[int] = []
    monkeypatch.setattr(Counts, "read", read)
    table = Table()
    limits = JobLimits(table, [Counts()])
    for jobid in range(1000, 2000):
        show(table, jobid, "after-finish=1")
    await refused(limits, [WAITS])
    assert read == list(range(1000, 2000))
    for jobid in range(10):
        show(table, jobid, "after-finish=1")
        await refused(limits, [WAITS])
    assert len(read) == 1000
    for jobid in range(200, 320):
        show(table, jobid, "after-finish=1")
    monkeypatch.setattr(job_limits, "_PAUSE_S", 0.0)
    limits._next_count = 0.0
    await refused(limits, [WAITS])
    assert len(read) == 2130


async def test_refusals_do_not_count_all_jobs_again_at_once(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = JobLimits(table, [SingletonLimit()])
    jobspec = {"attributes": {"system": {"job": {"name": "a"}}}}
    for jobid in range(1, 4):
        show(table, jobid, "singleton", jobspec=jobspec)
    monkeypatch.setattr("fluxapi.job_limits.singleton_limit.MAX_SINGLETONS", 3)
    monkeypatch.setattr(job_limits, "_PAUSE_S", 1000.0)
    assert await taken(limits, [SINGLE]) == 0
    end(table, 1)
    assert await taken(limits, [SINGLE]) == 0
    limits._next_count = 0.0
    assert await taken(limits, [SINGLE]) == 1


async def test_jobs_that_come_while_all_are_counted_count(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_turn, go_on = asyncio.Event(), asyncio.Event()

    async def share(turn: TimeSlice) -> None:
        del turn
        if limits._fresh and not at_turn.is_set():
            at_turn.set()
            await go_on.wait()

    monkeypatch.setattr("fluxapi.job_limits.singleton_limit.MAX_SINGLETONS", 3)
    monkeypatch.setattr(TimeSlice, "share", share)
    limits = JobLimits(table, [SingletonLimit()])
    show(table, 1, "singleton", jobspec={"attributes": {"system": {"job": {"name": "a"}}}})
    counting = asyncio.ensure_future(limits._count.get())
    await at_turn.wait()
    limits._counted = 1  # so that the next request goes on with the counts that there are
    async with under_way(limits, [SINGLE]) as count:
        assert count == 1
        go_on.set()
        await counting
        monkeypatch.setattr(job_limits, "_PAUSE_S", 1000.0)
        limits._next_count = 1e12
        assert await taken(limits, [SINGLE] * 3) == 1


async def test_many_jobs_are_admitted_in_time_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    shared: list[TimeSlice] = []

    async def share(turn: TimeSlice) -> None:
        shared.append(turn)

    monkeypatch.setattr(TimeSlice, "share", share)
    table = Table()
    for jobid in range(100, 300):
        show(table, jobid, "after-finish=1")
    limits = JobLimits(table, [DependencyLimit()])
    assert await taken(limits, [WAITS] * 200) == 200
    # The jobs of the table are counted, and those of the request admitted.
    assert len(shared) >= 400


class Gone(Exception):
    """The answer to a submission that is not known."""


@pytest.mark.parametrize("settled", [0, 1])
async def test_jobs_without_an_answer_leave_room(
    table: Table, monkeypatch: pytest.MonkeyPatch, settled: int
) -> None:
    async def send(jobs: Sequence[Submission]) -> Results:
        if not settled:
            raise Gone
        return list(range(10, 10 + len(jobs)))

    async def leave(turn: TimeSlice) -> None:
        del turn
        if any(request.settled for request in limits._under_way.values()):
            raise Gone

    monkeypatch.setattr(job_limits, "_SETTLED_AT_ONCE", 1)
    monkeypatch.setattr(TimeSlice, "share", leave)
    memory = MemoryLimit(table, 3 * LARGE_BYTES)
    limits = JobLimits(table, [memory])
    with pytest.raises(Gone):
        await limits.submit([Submission(b"x" * (LARGE_BYTES // 2))] * 3, send)
    assert memory._under_way == 0
    assert memory._kept.total == settled * LARGE_BYTES


async def test_a_client_that_leaves_ends_no_count_of_others(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_turn, go_on = asyncio.Event(), asyncio.Event()
    begun: list[SingletonLimit] = []

    class Noted(SingletonLimit):
        def empty(self) -> SingletonLimit:
            begun.append(self)
            return Noted()

    async def share(turn: TimeSlice) -> None:
        del turn
        if limits._fresh:
            at_turn.set()
            await go_on.wait()

    monkeypatch.setattr(TimeSlice, "share", share)
    monkeypatch.setattr("fluxapi.job_limits.singleton_limit.MAX_SINGLETONS", 1)
    limits = JobLimits(table, [Noted()])
    show(table, 1, "singleton", jobspec={"attributes": {"system": {"job": {"name": "a"}}}})
    leaving = asyncio.ensure_future(taken(limits, [SINGLE]))
    await at_turn.wait()
    leaving.cancel()
    await asyncio.wait([leaving])
    go_on.set()
    monkeypatch.setattr(job_limits, "_PAUSE_S", 1000.0)
    assert await taken(limits, [SINGLE]) == 0
    assert len(begun) == 1
    await limits.aclose()

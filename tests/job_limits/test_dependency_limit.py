"""The dependencies of all jobs that wait have a limit, since Flux looks for each among all."""

from __future__ import annotations

import pytest

from fluxapi.errors import JobLimitReached
from fluxapi.job_limits import dependency_limit
from fluxapi.job_limits.dependency_limit import DependencyLimit
from fluxapi.job_limits.job_limits import JobLimits
from fluxapi.model.eventlog import Event, JournalMessage
from fluxapi.model.jobspec import Defaults, build
from fluxapi.model.submission import Submission
from fluxapi.table.table import Table

from .requests import end, refused, show, taken, under_way


def submission(dependencies: int, after: tuple[int, ...] = ()) -> Submission:
    return Submission(b"{}", dependencies=dependencies, after=after)


def waiting(table: Table, jobid: int, count: int, first: int = 10**6) -> None:
    """Put a job into the table that waits for so many others, from one on."""
    show(table, jobid, *(f"after-finish={number}" for number in range(first, first + count)))


def waiting_for(table: Table, jobid: int, target: int) -> None:
    """Put a job into the table that waits for another one."""
    waiting(table, jobid, 1, target)


async def few_taken(limits: JobLimits, target: int, count: int) -> int:
    """Return how many of the jobs that wait for one job are taken."""
    return await taken(limits, [submission(1, (target,))] * count)


@pytest.fixture
def limits(table: Table, monkeypatch: pytest.MonkeyPatch) -> JobLimits:
    monkeypatch.setattr(dependency_limit, "MAX_WAITING", 100)
    return JobLimits(table, [DependencyLimit()])


async def test_jobs_of_many_dependencies_are_refused_while_many_wait(limits: JobLimits) -> None:
    jobs = [submission(60), submission(60), submission(36), submission(4)]
    found = await refused(limits, jobs)
    assert list(found) == [1]
    assert isinstance(found[1], JobLimitReached)
    assert "Submit this one later" in found[1].detail
    # Those that are being submitted count, too.
    async with under_way(limits, jobs) as count:
        assert count == 3
        assert list(await refused(limits, [submission(5), submission(4)])) == [0]
    assert not await refused(limits, [submission(100)])


async def test_dependencies_count_until_they_are_met(table: Table, limits: JobLimits) -> None:
    waiting(table, 1, 90)
    waiting(table, 2, 8)
    assert list(await refused(limits, [submission(5)])) == [0]
    met = [
        Event(4.0, "dependency-remove", {"description": f"after-finish={10**6 + n}"})
        for n in range(8)
    ]
    table.feed([JournalMessage(2, [event]) for event in met])
    assert not await refused(limits, [submission(5)])
    end(table, 1)
    assert not await refused(limits, [submission(100)])


async def test_jobs_of_few_dependencies_are_taken_while_many_wait(
    table: Table, limits: JobLimits
) -> None:
    waiting(table, 1, 200)
    assert not await refused(limits, [submission(4)] * 100)


async def test_any_number_may_wait_for_one_job(
    table: Table, limits: JobLimits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dependency_limit, "MAX_OTHERS", 20)
    for jobid in range(100, 200):
        waiting_for(table, jobid, 1)
    assert await few_taken(limits, 1, 1000) == 1000
    assert await few_taken(limits, 2, 10) == 0


async def test_so_many_wait_for_a_job_behind_others(
    table: Table, limits: JobLimits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dependency_limit, "MAX_STEPS", 1000)
    for jobid in range(100, 150):
        waiting_for(table, jobid, 1)
    assert await few_taken(limits, 2, 100) == 20
    # Those that are being submitted count, too.
    async with under_way(limits, [submission(1, (2,))] * 15) as count:
        assert count == 15
        assert await few_taken(limits, 2, 100) == 5
    for jobid in range(200, 215):
        waiting_for(table, jobid, 2)
    assert await few_taken(limits, 2, 100) == 5
    # Those that wait no more do not.
    end(table, *range(200, 215))
    assert await few_taken(limits, 2, 100) == 20


async def test_many_jobs_that_end_together_hold_up_nobody(
    table: Table, limits: JobLimits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dependency_limit, "MAX_STEPS", 1000)
    # Each of four targets has 10 times 30 steps, and all of them 600: the last has none left.
    for jobid in range(40):
        waiting_for(table, 100 + jobid, 1 + jobid % 4)
    assert await few_taken(limits, 5, 30) == 10
    assert await few_taken(limits, 1, 30) == 13
    # While the first ones are being submitted, none is left for others, but for the end of one.
    async with under_way(limits, [submission(1, (5,))] * 10) as count:
        assert count == 10
        assert await few_taken(limits, 6, 30) == 0
    assert await few_taken(limits, 6, 30) == 10


async def test_jobs_that_wait_for_the_same_jobs_are_one_crowd(
    limits: JobLimits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dependency_limit, "MAX_STEPS", 100_000)
    monkeypatch.setattr(dependency_limit, "MAX_OTHERS", 100)
    async with under_way(limits, [submission(2, (1, 2))] * 1000) as count:
        assert count == 1000
        monkeypatch.setattr(dependency_limit, "MAX_OTHERS", 10_000)
        # Others, with another second job, would each be looked for behind those.
        assert 0 < await taken(limits, [submission(2, (2, 3))] * 50) < 30


async def test_jobs_that_share_one_job_are_its_crowd(
    limits: JobLimits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dependency_limit, "MAX_STEPS", 1000)
    jobs = [submission(2, (1, jobid)) for jobid in range(10, 60)]
    async with under_way(limits, jobs) as count:
        assert count == 50
        assert await few_taken(limits, 2, 50) == 10


def test_a_submission_names_the_jobs_that_it_waits_for() -> None:
    fields = {"command": ["true"], "dependencies": ["afterok:f3", "afterany:f3", "afterany:f2"]}
    submitted = build(fields, Defaults())
    assert (submitted.after, submitted.chained) == ((1, 2), (2,))
    assert build({"command": ["true"], "dependencies": ["begin-time:5"]}, Defaults()).after == ()


def test_a_submission_names_each_of_a_thousand_jobs() -> None:
    times = [{"scheme": "begin-time", "value": "5"}] * 500
    jobs = [{"scheme": "afterok", "value": str(jobid)} for jobid in range(500)]
    submitted = build({"command": ["true"], "dependencies": [*times, *jobs]}, Defaults())
    assert submitted.after == submitted.chained == tuple(range(500))

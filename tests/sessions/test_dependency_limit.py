"""The dependencies of all jobs that wait have a limit, since Flux looks for each among all."""

from __future__ import annotations

import pytest

from fluxapi.instance.protocol import Submission
from fluxapi.model.eventlog import Event, JournalMessage
from fluxapi.model.jobspec import Defaults, build
from fluxapi.process.timeslice import TimeSlice
from fluxapi.sessions import dependency_limit
from fluxapi.sessions.dependency_limit import DependencyLimit
from fluxapi.table.table import Table


def waiting(table: Table, jobid: int, count: int, first: int = 10**6) -> None:
    """Put a job into the table that waits for so many others, from one on."""
    context = {"userid": 0, "urgency": 16, "flags": 0, "version": 1}
    added = [
        Event(3.0, "dependency-add", {"description": f"after-finish={number}"})
        for number in range(first, first + count)
    ]
    events = [Event(1.0, "submit", context), Event(2.0, "validate"), *added]
    table.feed([JournalMessage(jobid, events)])


def submission(dependencies: int, after: tuple[int, ...] = ()) -> Submission:
    return Submission(b"{}", dependencies=dependencies, after=after)


def waiting_for(table: Table, jobid: int, target: int) -> None:
    """Put a job into the table that waits for another one."""
    waiting(table, jobid, 1, target)


async def few_taken(limit: DependencyLimit, target: int, count: int) -> int:
    """Return how many of the jobs that wait for one job are taken."""
    return await taken(limit, [submission(1, (target,))] * count)


async def taken(limit: DependencyLimit, submissions: list[Submission]) -> int:
    async with limit.admit(submissions) as refused:
        return len(submissions) - len(refused)


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Table:
    monkeypatch.setattr(dependency_limit, "MAX_WAITING", 100)
    monkeypatch.setattr(dependency_limit, "_UNCOUNTED", 0)
    return Table()


async def test_jobs_of_many_dependencies_are_refused_while_many_wait(table: Table) -> None:
    limit = DependencyLimit(table)
    async with limit.admit(
        [submission(60), submission(60), submission(40), submission(4)]
    ) as refused:
        assert list(refused) == [1]
        assert refused[1].status == 422
        assert "submit this one later" in refused[1].detail
        # Those that are being submitted count, too.
        async with limit.admit([submission(5), submission(4)]) as beside:
            assert list(beside) == [0]
    async with limit.admit([submission(100)]) as refused:
        assert not refused


async def test_dependencies_count_until_they_are_met(table: Table) -> None:
    waiting(table, 1, 90)
    waiting(table, 2, 8)
    limit = DependencyLimit(table)
    async with limit.admit([submission(5)]) as refused:
        assert list(refused) == [0]
    met = [
        Event(4.0, "dependency-remove", {"description": f"after-finish={10**6 + n}"})
        for n in range(8)
    ]
    table.feed([JournalMessage(2, [event]) for event in met])
    async with limit.admit([submission(5)]) as refused:
        assert not refused
    table.feed([JournalMessage(1, [Event(5.0, "exception", {"type": "cancel", "severity": 0})])])
    async with limit.admit([submission(100)]) as refused:
        assert not refused


async def test_jobs_of_few_dependencies_are_taken_while_many_wait(table: Table) -> None:
    waiting(table, 1, 200)
    async with DependencyLimit(table).admit([submission(4)] * 100) as refused:
        assert not refused


async def test_any_number_may_wait_for_one_job(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dependency_limit, "MAX_OTHERS", 20)
    for jobid in range(100, 200):
        waiting_for(table, jobid, 1)
    assert await few_taken(DependencyLimit(table), 1, 1000) == 1000
    assert await few_taken(DependencyLimit(table), 2, 10) == 0


async def test_so_many_wait_for_a_job_behind_others(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dependency_limit, "MAX_STEPS", 1000)
    limit = DependencyLimit(table)
    for jobid in range(100, 150):
        waiting_for(table, jobid, 1)
    assert await few_taken(limit, 2, 100) == 20
    # Those that are being submitted count, too.
    async with limit.admit([submission(1, (2,))] * 15) as refused:
        assert not refused
        assert await few_taken(limit, 2, 100) == 5
    for jobid in range(200, 215):
        waiting_for(table, jobid, 2)
    assert await few_taken(limit, 2, 100) == 5
    # Those that wait no more do not.
    for jobid in range(200, 215):
        ended = Event(5.0, "exception", {"type": "cancel", "severity": 0})
        table.feed([JournalMessage(jobid, [ended])])
    assert await few_taken(limit, 2, 100) == 20


async def test_many_jobs_that_end_together_hold_up_nobody(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dependency_limit, "MAX_STEPS", 1000)
    limit = DependencyLimit(table)
    # Each of four targets has 10 times 30 steps, and all of them 600: the last has none left.
    for jobid in range(40):
        waiting_for(table, 100 + jobid, 1 + jobid % 4)
    assert await few_taken(limit, 5, 30) == 10
    assert await few_taken(limit, 1, 30) == 13
    # While the first ones are being submitted, none is left for others, but for the end of one.
    async with limit.admit([submission(1, (5,))] * 10) as refused:
        assert not refused
        assert await few_taken(limit, 6, 30) == 0
    assert await few_taken(limit, 6, 30) == 10


async def test_few_jobs_that_come_and_go_are_not_counted_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = Table()
    limit = DependencyLimit(table)
    for jobid in range(1000, 2000):
        waiting_for(table, jobid, 1)
        table.feed([JournalMessage(jobid, [Event(5.0, "exception", {"severity": 0})])])
    await few_taken(limit, 1, 1)
    found: list[int] = []
    monkeypatch.setattr(table, "get", found.append)
    for jobid in range(10):
        waiting(table, jobid, 1)
        await few_taken(limit, 1, 1)
    assert not found


async def test_jobs_that_wait_for_the_same_jobs_are_one_crowd(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dependency_limit, "MAX_STEPS", 100_000)
    monkeypatch.setattr(dependency_limit, "MAX_OTHERS", 100)
    limit = DependencyLimit(table)
    async with limit.admit([submission(2, (1, 2))] * 1000) as refused:
        assert not refused
        monkeypatch.setattr(dependency_limit, "MAX_OTHERS", 10_000)
        # Others, with another second job, would each be looked for behind those.
        assert 0 < await taken(limit, [submission(2, (2, 3))] * 50) < 30


async def test_jobs_that_share_one_job_are_its_crowd(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dependency_limit, "MAX_STEPS", 1000)
    limit = DependencyLimit(table)
    async with limit.admit([submission(2, (1, jobid)) for jobid in range(10, 60)]) as refused:
        assert not refused
        assert await few_taken(limit, 2, 50) == 10


async def test_so_many_jobs_of_a_name_wait_with_singleton(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dependency_limit, "MAX_SINGLETONS", 10)
    limit = DependencyLimit(table)

    def singletons(name: str) -> list[Submission]:
        return [Submission(b"{}", dependencies=1, singleton=name)] * 20

    assert await taken(limit, singletons("a")) == 10
    for jobid in range(100, 104):
        context = {"userid": 0, "urgency": 16, "flags": 0, "version": 1}
        added = Event(3.0, "dependency-add", {"description": "singleton"})
        jobspec = {"attributes": {"system": {"job": {"name": "a"}}}}
        events = [Event(1.0, "submit", context), Event(2.0, "validate"), added]
        table.feed([JournalMessage(jobid, events, jobspec=jobspec)])
    assert await taken(limit, singletons("a")) == 6
    async with limit.admit(singletons("b")[:10]) as refused:
        assert not refused
        assert await taken(limit, singletons("b")) == 0
    assert await taken(limit, singletons("b")) == 10
    # Those of no such dependency, and of no name, are not concerned.
    assert await few_taken(limit, 1, 20) == 20


def test_a_submission_names_the_others_of_its_name() -> None:
    singleton = {"scheme": "singleton", "value": ""}
    fields = {"command": "true", "name": "a" * 600, "dependencies": ["begin-time:5", singleton]}
    assert build(fields, Defaults()).singleton == "a" * 511 + "…"
    assert build({"command": "true", "name": "a"}, Defaults()).singleton == ""
    assert build({"command": "true", "dependencies": [singleton]}, Defaults()).singleton == ""


async def test_many_jobs_are_admitted_in_time_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    shared: list[TimeSlice] = []

    async def share(turn: TimeSlice) -> None:
        shared.append(turn)

    monkeypatch.setattr(TimeSlice, "share", share)
    table = Table()
    for jobid in range(100, 300):
        waiting_for(table, jobid, 1)
    assert await few_taken(DependencyLimit(table), 1, 200) == 200
    assert len(shared) == 400


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

"""The dependencies of all jobs that wait have a limit, since Flux looks for each among all."""

from __future__ import annotations

import pytest

from fluxapi.instance.protocol import Submission
from fluxapi.model.eventlog import Event, JournalMessage
from fluxapi.model.jobspec import Defaults, build
from fluxapi.sessions import dependency_limit
from fluxapi.sessions.dependency_limit import DependencyLimit
from fluxapi.table.table import Table


def waiting(table: Table, jobid: int, count: int) -> None:
    """Put a job with so many dependencies into the table."""
    context = {"userid": 0, "urgency": 16, "flags": 0, "version": 1}
    added = [
        Event(3.0, "dependency-add", {"description": f"after-finish={number}"})
        for number in range(count)
    ]
    events = [Event(1.0, "submit", context), Event(2.0, "validate"), *added]
    table.feed([JournalMessage(jobid, events)])


def submission(dependencies: int, after: tuple[int, ...] = ()) -> Submission:
    return Submission(b"{}", dependencies=dependencies, after=after)


def waiting_for(table: Table, jobid: int, target: int) -> None:
    """Put a job into the table that waits for another one."""
    waiting(table, jobid, 1)
    job = table.get(jobid)
    assert job is not None
    job.after = ((target, "afterany"),)
    table.links.add(job)


def few_taken(limit: DependencyLimit, target: int, count: int) -> int:
    """Return how many of the jobs that wait for one job are taken."""
    with limit.admit([submission(1, (target,))] * count) as refused:
        return count - len(refused)


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Table:
    monkeypatch.setattr(dependency_limit, "MAX_WAITING", 100)
    monkeypatch.setattr(dependency_limit, "_UNCOUNTED", 0)
    return Table()


def test_jobs_of_many_dependencies_are_refused_while_many_wait(table: Table) -> None:
    limit = DependencyLimit(table)
    with limit.admit([submission(60), submission(60), submission(40), submission(4)]) as refused:
        assert list(refused) == [1]
        assert refused[1].status == 422
        assert "submit this one later" in refused[1].detail
        # Those that are being submitted count, too.
        with limit.admit([submission(5), submission(4)]) as beside:
            assert list(beside) == [0]
    with limit.admit([submission(100)]) as refused:
        assert not refused


def test_dependencies_count_until_they_are_met(table: Table) -> None:
    waiting(table, 1, 90)
    waiting(table, 2, 8)
    limit = DependencyLimit(table)
    with limit.admit([submission(5)]) as refused:
        assert list(refused) == [0]
    met = [Event(4.0, "dependency-remove", {"description": f"after-finish={n}"}) for n in range(8)]
    table.feed([JournalMessage(2, [event]) for event in met])
    with limit.admit([submission(5)]) as refused:
        assert not refused
    table.feed([JournalMessage(1, [Event(5.0, "exception", {"type": "cancel", "severity": 0})])])
    with limit.admit([submission(100)]) as refused:
        assert not refused


def test_jobs_of_few_dependencies_are_taken_while_many_wait(table: Table) -> None:
    waiting(table, 1, 200)
    with DependencyLimit(table).admit([submission(4)] * 100) as refused:
        assert not refused


def test_any_number_may_wait_for_one_job(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dependency_limit, "MAX_OTHERS", 20)
    for jobid in range(100, 200):
        waiting_for(table, jobid, 1)
    assert few_taken(DependencyLimit(table), 1, 1000) == 1000
    assert few_taken(DependencyLimit(table), 2, 10) == 0


def test_so_many_wait_for_a_job_behind_others(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dependency_limit, "MAX_STEPS", 1000)
    limit = DependencyLimit(table)
    for jobid in range(100, 150):
        waiting_for(table, jobid, 1)
    assert few_taken(limit, 2, 100) == 20
    # Those that are being submitted count, too.
    with limit.admit([submission(1, (2,))] * 15) as refused:
        assert not refused
        assert few_taken(limit, 2, 100) == 5
    for jobid in range(200, 215):
        waiting_for(table, jobid, 2)
    assert few_taken(limit, 2, 100) == 5
    # Those that wait no more do not.
    for jobid in range(200, 215):
        ended = Event(5.0, "exception", {"type": "cancel", "severity": 0})
        table.feed([JournalMessage(jobid, [ended])])
    assert few_taken(limit, 2, 100) == 20


def test_many_jobs_that_end_together_hold_up_nobody(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dependency_limit, "MAX_STEPS", 1000)
    limit = DependencyLimit(table)
    # Each of four targets has 10 times 30 steps, and all of them 600: the last has none left.
    for jobid in range(40):
        waiting_for(table, 100 + jobid, 1 + jobid % 4)
    assert few_taken(limit, 5, 30) == 10
    assert few_taken(limit, 1, 30) == 13
    # While the first ones are being submitted, none is left for others, but for the end of one.
    with limit.admit([submission(1, (5,))] * 10) as refused:
        assert not refused
        assert few_taken(limit, 6, 30) == 0
    assert few_taken(limit, 6, 30) == 10


def test_few_jobs_that_come_and_go_are_not_counted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Table()
    limit = DependencyLimit(table)
    for jobid in range(1000, 2000):
        waiting_for(table, jobid, 1)
        table.feed([JournalMessage(jobid, [Event(5.0, "exception", {"severity": 0})])])
    few_taken(limit, 1, 1)
    found: list[int] = []
    monkeypatch.setattr(table, "get", found.append)
    for jobid in range(10):
        waiting(table, jobid, 1)
        few_taken(limit, 1, 1)
    assert not found


def test_a_submission_names_the_jobs_that_it_waits_for() -> None:
    fields = {"command": ["true"], "dependencies": ["afterok:f3", "afterany:f3", "after:f2"]}
    assert build(fields, Defaults()).after == (2, 1)
    assert build({"command": ["true"], "dependencies": ["begin-time:5"]}, Defaults()).after == ()

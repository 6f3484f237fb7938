"""The dependencies of all jobs that wait have a limit, since Flux looks for each among all."""

from __future__ import annotations

import pytest

from fluxapi.instance.protocol import Submission
from fluxapi.model.eventlog import Event, JournalMessage
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


def submission(dependencies: int) -> Submission:
    return Submission(b"{}", dependencies=dependencies)


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Table:
    monkeypatch.setattr(dependency_limit, "MAX_WAITING", 100)
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


def test_jobs_of_few_dependencies_are_always_taken(table: Table) -> None:
    waiting(table, 1, 200)
    with DependencyLimit(table).admit([submission(4)] * 100) as refused:
        assert not refused

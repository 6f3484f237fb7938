"""A chain of jobs that fail together has a limit: a longer one overflows the stack of Flux."""

from __future__ import annotations

import pytest

from fluxapi.instance.protocol import Submission
from fluxapi.model.eventlog import Event, JournalMessage
from fluxapi.model.job import Job
from fluxapi.sessions import chain_limit
from fluxapi.sessions.dependency_limit import DependencyLimit
from fluxapi.table.table import Table


def test_a_chain_fits_into_the_smallest_stack() -> None:
    """Compare with glibc's stack of a thread if the limit of the stack is "unlimited"."""
    assert 2600 * chain_limit.MAX_LENGTH < (2 << 20) / 1.5


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Table:
    monkeypatch.setattr(chain_limit, "MAX_LENGTH", 10)
    monkeypatch.setattr(chain_limit, "_MAX_READ", 50)
    return Table()


def submit(table: Table, jobid: int, *dependencies: str) -> None:
    """Put a job into the table, which waits if it has dependencies."""
    context = {"userid": 0, "urgency": 0, "flags": 0, "version": 1}
    added = [Event(3.0, "dependency-add", {"description": one}) for one in dependencies]
    events = [Event(1.0, "submit", context), Event(2.0, "validate"), *added]
    table.feed([JournalMessage(jobid, events)])
    if not dependencies:
        table.feed([JournalMessage(jobid, [Event(4.0, "depend")])])


def submit_chain(table: Table, count: int, kind: str = "after-success") -> None:
    """Put a chain of so many jobs into the table, with the IDs from 1 on."""
    submit(table, 1)
    for jobid in range(2, count + 1):
        submit(table, jobid, f"{kind}={jobid - 1}")


async def is_taken(limit: DependencyLimit, *targets: int, any_end: bool = False) -> bool:
    chained = () if any_end else targets
    one = Submission(b"{}", dependencies=len(targets), after=targets, chained=chained)
    async with limit.admit([one]) as refused:
        return not refused


@pytest.mark.parametrize("kind", ["after-start", "after-success", "after-failure", "after-except"])
async def test_a_chain_has_so_many_jobs(table: Table, kind: str) -> None:
    submit_chain(table, 10, kind)
    limit = DependencyLimit(table)
    assert await is_taken(limit, 9)
    assert not await is_taken(limit, 10)
    assert not await is_taken(limit, 1, 10)
    assert await is_taken(limit, 10, any_end=True)


async def test_a_refusal_says_what_to_do(table: Table) -> None:
    submit_chain(table, 10)
    one = Submission(b"{}", dependencies=1, after=(10,), chained=(10,))
    async with DependencyLimit(table).admit([one, Submission(b"{}")]) as refused:
        assert list(refused) == [0]
        assert refused[0].status == 422
        assert "submit it later, or with afterany" in refused[0].detail


async def test_jobs_that_wait_for_any_end_make_no_chain(table: Table) -> None:
    submit_chain(table, 100, "after-finish")
    assert await is_taken(DependencyLimit(table), 100)


async def test_jobs_that_have_ended_count_no_more(table: Table) -> None:
    submit_chain(table, 10)
    limit = DependencyLimit(table)
    assert not await is_taken(limit, 10)
    met = Event(5.0, "dependency-remove", {"description": "after-success=1"})
    table.feed([JournalMessage(2, [met]), JournalMessage(2, [Event(6.0, "depend")])])
    assert await is_taken(limit, 10)
    submit(table, 11, "after-success=10")
    assert not await is_taken(limit, 11)


async def test_jobs_that_the_table_does_not_have_yet_count(table: Table) -> None:
    limit = DependencyLimit(table)
    submit(table, 1)
    for jobid in range(2, 11):
        one = Submission(b"{}", dependencies=1, after=(jobid - 1,), chained=(jobid - 1,))
        assert await is_taken(limit, jobid - 1)
        limit.note([one], [jobid])
    assert not await is_taken(limit, 10)


async def test_jobs_that_are_not_validated_yet_count(table: Table) -> None:
    # Another service has submitted them, so only the table can tell of them.
    submit_chain(table, 9)
    dependencies = [{"scheme": "afterany", "value": "1"}, {"scheme": "afterok", "value": "9"}]
    jobspec = {"attributes": {"system": {"dependencies": dependencies}}}
    context = {"userid": 0, "urgency": 0, "flags": 0, "version": 1}
    table.feed([JournalMessage(10, [Event(1.0, "submit", context)], jobspec=jobspec)])
    limit = DependencyLimit(table)
    assert not await is_taken(limit, 10)
    assert 10 not in limit._chains._lengths


async def test_the_longest_of_all_ways_counts(table: Table) -> None:
    submit(table, 1)
    for jobid in range(2, 11):
        before = (f"after-success={one}" for one in range(1, jobid))
        submit(table, jobid, *before)
    assert await is_taken(DependencyLimit(table), 9)
    assert not await is_taken(DependencyLimit(table), 10)


async def test_many_jobs_behind_a_long_chain_are_looked_at_once(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit_chain(table, 10)
    limit = DependencyLimit(table)
    assert not await is_taken(limit, 10)
    found: list[int] = []
    get = table.get

    def counted(jobid: int) -> Job | None:
        found.append(jobid)
        return get(jobid)

    monkeypatch.setattr(table, "get", counted)
    one = Submission(b"{}", dependencies=1, after=(10,), chained=(10,))
    async with limit.admit([one] * 100) as refused:
        assert len(refused) == 100
    assert len(found) < 400


async def test_a_circle_ends(table: Table) -> None:
    submit(table, 1, "after-success=2")
    submit(table, 2, "after-success=1")
    assert await is_taken(DependencyLimit(table), 2)


async def test_lengths_that_the_table_has_are_forgotten(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain_limit, "_MIN_KEPT", 5)
    limit = DependencyLimit(table)
    submit_chain(table, 9)
    one = Submission(b"{}", dependencies=1, after=(9,), chained=(9,))
    limit.note([one] * 6, range(4, 10))
    assert not limit._chains._noted
    limit.note([one], [20])
    assert not await is_taken(limit, 20, 9)
    assert await is_taken(limit, 9)
    # Those of jobs that wait no more are forgotten, too.
    for jobid in range(2, 10):
        table.feed([JournalMessage(jobid, [Event(4.0, "depend")])])
    limit.note([one] * 6, range(30, 36))
    assert not limit._chains._lengths

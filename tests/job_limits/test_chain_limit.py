"""A chain of jobs that fail together has a limit: a longer one overflows the stack of Flux."""

from __future__ import annotations

import pytest

from fluxapi.errors import JobLimitReached
from fluxapi.job_limits import chain_limit
from fluxapi.job_limits.chain_limit import ChainLimit
from fluxapi.job_limits.job_limits import JobLimits
from fluxapi.model.eventlog import Event, JournalMessage
from fluxapi.model.job import Job
from fluxapi.model.submission import Submission
from fluxapi.table.table import Table

from .requests import refused, show


def test_a_chain_fits_into_the_smallest_stack() -> None:
    """Compare with glibc's stack of a thread if the limit of the stack is "unlimited"."""
    assert 2600 * chain_limit.MAX_LENGTH < (2 << 20) / 1.5


@pytest.fixture(autouse=True)
def _chain_of_ten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain_limit, "MAX_LENGTH", 10)


@pytest.fixture
def chains(table: Table) -> ChainLimit:
    return ChainLimit(table)


@pytest.fixture
def limits(table: Table, chains: ChainLimit) -> JobLimits:
    return JobLimits(table, [chains])


def show_chain(table: Table, count: int, kind: str = "after-success") -> None:
    """Put a chain of so many jobs into the table, with the IDs from 1 on."""
    show(table, 1)
    for jobid in range(2, count + 1):
        show(table, jobid, f"{kind}={jobid - 1}")


def behind(*targets: int) -> Submission:
    return Submission(b"{}", dependencies=len(targets), after=targets, chained=targets)


async def is_taken(limits: JobLimits, *targets: int, jobid: int | None = None) -> bool:
    return not await refused(limits, [behind(*targets)], jobid)


@pytest.mark.parametrize("kind", ["after-start", "after-success", "after-failure", "after-except"])
async def test_a_chain_has_so_many_jobs(table: Table, limits: JobLimits, kind: str) -> None:
    show_chain(table, 10, kind)
    assert await is_taken(limits, 9)
    assert not await is_taken(limits, 10)
    assert not await is_taken(limits, 1, 10)
    any_end = Submission(b"{}", dependencies=1, after=(10,))
    assert not await refused(limits, [any_end])


async def test_a_refusal_says_what_to_do(table: Table, limits: JobLimits) -> None:
    show_chain(table, 10)
    found = await refused(limits, [behind(10), Submission(b"{}")])
    assert list(found) == [0]
    assert isinstance(found[0], JobLimitReached)
    assert "Submit it later, or with afterany" in found[0].detail


async def test_jobs_that_wait_for_any_end_make_no_chain(table: Table, limits: JobLimits) -> None:
    show_chain(table, 100, "after-finish")
    assert await is_taken(limits, 100)


async def test_jobs_that_have_ended_count_no_more(table: Table, limits: JobLimits) -> None:
    show_chain(table, 10)
    assert not await is_taken(limits, 10)
    met = Event(5.0, "dependency-remove", {"description": "after-success=1"})
    table.feed([JournalMessage(2, [met]), JournalMessage(2, [Event(6.0, "depend")])])
    assert await is_taken(limits, 10)
    show(table, 11, "after-success=10")
    assert not await is_taken(limits, 11)


async def test_jobs_that_the_table_does_not_have_yet_count(table: Table, limits: JobLimits) -> None:
    show(table, 1)
    for jobid in range(2, 11):
        assert await is_taken(limits, jobid - 1, jobid=jobid)
    assert not await is_taken(limits, 10)


async def test_jobs_that_are_never_shown_count_for_a_minute(
    table: Table, limits: JobLimits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain_limit, "_MAX_UNSEEN_S", 0.0)
    show_chain(table, 9)
    assert await is_taken(limits, 9, jobid=20)
    assert await is_taken(limits, 20)


async def test_jobs_that_are_not_validated_yet_count(table: Table, chains: ChainLimit) -> None:
    # Another service has submitted them, so only the table can tell of them.
    show_chain(table, 9)
    dependencies = [{"scheme": "afterany", "value": "1"}, {"scheme": "afterok", "value": "9"}]
    jobspec = {"attributes": {"system": {"dependencies": dependencies}}}
    context = {"userid": 0, "urgency": 0, "flags": 0, "version": 1}
    table.feed([JournalMessage(10, [Event(1.0, "submit", context)], jobspec=jobspec)])
    assert chains.refusal(behind(10)) is not None
    # It may wait for more jobs than its record has yet.
    assert 10 not in chains._lengths
    assert 9 in chains._lengths


async def test_the_longest_of_all_ways_counts(table: Table, limits: JobLimits) -> None:
    show(table, 1)
    for jobid in range(2, 11):
        show(table, jobid, *(f"after-success={one}" for one in range(1, jobid)))
    assert await is_taken(limits, 9)
    assert not await is_taken(limits, 10)


async def test_many_jobs_behind_a_long_chain_are_looked_at_once(
    table: Table, limits: JobLimits, monkeypatch: pytest.MonkeyPatch
) -> None:
    show_chain(table, 10)
    found: list[int] = []
    get = table.get

    def counted(jobid: int) -> Job | None:
        found.append(jobid)
        return get(jobid)

    monkeypatch.setattr(table, "get", counted)
    assert len(await refused(limits, [behind(10)] * 100)) == 100
    assert len(found) < 600


async def test_a_circle_ends(table: Table, limits: JobLimits) -> None:
    show(table, 1, "after-success=2")
    show(table, 2, "after-success=1")
    assert await is_taken(limits, 2)

"""Jobs that begin together have a limit, since Flux sorts them one by one into its queue."""

from __future__ import annotations

import pytest

from fluxapi.instance.protocol import Submission
from fluxapi.model.eventlog import Event, JournalMessage
from fluxapi.model.jobspec import Defaults, build
from fluxapi.sessions import begin_limit
from fluxapi.sessions.begin_limit import BeginLimit
from fluxapi.table.table import Table

NOW = 1_800_000_000.0
LATER = NOW + 3600


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Table:
    monkeypatch.setattr(begin_limit, "MAX_TOGETHER", 10)
    return Table()


def limit_of(table: Table) -> BeginLimit:
    return BeginLimit(table, lambda: NOW)


def waiting(table: Table, jobid: int, begin: float = LATER) -> None:
    """Put a job into the table that waits for a begin time."""
    context = {"userid": 0, "urgency": 16, "flags": 0, "version": 1}
    added = Event(3.0, "dependency-add", {"description": f"begin-time={begin:.3f}"})
    events = [Event(1.0, "submit", context), Event(2.0, "validate"), added]
    table.feed([JournalMessage(jobid, events)])


async def taken(limit: BeginLimit, count: int, begin: float = LATER) -> int:
    """Return how many of so many jobs are taken."""
    async with limit.admit([Submission(b"{}", dependencies=1, begin=begin)] * count) as refused:
        return count - len(refused)


async def test_so_many_jobs_begin_together(table: Table) -> None:
    for jobid in range(1, 9):
        waiting(table, jobid)
    limit = limit_of(table)
    assert await taken(limit, 5) == 2
    assert await taken(limit, 5, LATER + 60) == 5
    assert await taken(limit, 5, LATER - 60) == 5


async def test_jobs_of_the_same_seconds_begin_together(table: Table) -> None:
    submissions = [Submission(b"{}", begin=LATER + number / 2) for number in range(-8, 8)]
    async with limit_of(table).admit(submissions) as refused:
        assert list(refused) == list(range(10, 16))
        assert refused[10].status == 422
        assert "a minute earlier or later" in refused[10].detail


async def test_jobs_that_wait_no_more_leave_room(table: Table) -> None:
    limit = limit_of(table)
    assert await taken(limit, 10) == 10
    for jobid in range(1, 11):
        waiting(table, jobid)
    assert await taken(limit, 1) == 0
    for jobid in range(1, 4):
        table.feed([JournalMessage(jobid, [Event(4.0, "exception", {"severity": 0, "type": "x"})])])
    assert await taken(limit, 5) == 3


async def test_jobs_that_are_being_submitted_count(table: Table) -> None:
    limit = limit_of(table)
    async with limit.admit([Submission(b"{}", begin=LATER)] * 8) as refused:
        assert not refused
        assert await taken(limit, 5) == 2


async def test_jobs_that_begin_at_once_have_no_limit(table: Table) -> None:
    assert await taken(limit_of(table), 20, NOW - 1) == 20
    assert await taken(limit_of(table), 20, 0.0) == 20


@pytest.mark.parametrize(
    "value", [f"{LATER:.3f}", f" {LATER}", "1800003600", "1.8000036e9", float.hex(LATER)]
)
def test_the_begin_time_is_read_as_flux_reads_it(value: str) -> None:
    times = [{"scheme": "begin-time", "value": it} for it in ("1", value)]
    built = build({"command": ["true"], "dependencies": ["afterok:1", *times]}, Defaults())
    assert built.begin == LATER


@pytest.mark.parametrize("value", ["inf", "nan", "soon", "0x", "0xp", "1e999", "0x1p9999"])
def test_a_time_that_flux_refuses_is_none(value: str) -> None:
    times = [{"scheme": "begin-time", "value": value}]
    assert build({"command": ["true"], "dependencies": times}, Defaults()).begin == 0

"""Jobs that begin together have a limit, since Flux sorts them one by one into its queue."""

from __future__ import annotations

import pytest

from fluxapi.job_limits import begin_limit
from fluxapi.job_limits.begin_limit import BeginLimit
from fluxapi.job_limits.job_limits import JobLimits
from fluxapi.model.jobspec import Defaults, build
from fluxapi.model.submission import Submission
from fluxapi.table.table import Table

from .requests import end, refused, show, taken, under_way

NOW = 1_800_000_000.0
LATER = NOW + 3600


@pytest.fixture
def limits(table: Table, monkeypatch: pytest.MonkeyPatch) -> JobLimits:
    monkeypatch.setattr(begin_limit, "MAX_TOGETHER", 10)
    return JobLimits(table, [BeginLimit(lambda: NOW)])


def jobs(count: int, begin: float = LATER) -> list[Submission]:
    return [Submission(b"{}", dependencies=1, begin=begin)] * count


def waiting(table: Table, jobid: int) -> None:
    show(table, jobid, f"begin-time={LATER:.3f}")


async def test_so_many_jobs_begin_together(table: Table, limits: JobLimits) -> None:
    for jobid in range(1, 9):
        waiting(table, jobid)
    assert await taken(limits, jobs(5)) == 2
    assert await taken(limits, jobs(5, LATER + 60)) == 5
    assert await taken(limits, jobs(5, LATER - 60)) == 5


async def test_jobs_of_the_same_seconds_begin_together(limits: JobLimits) -> None:
    submissions = [Submission(b"{}", begin=LATER + number / 2) for number in range(-8, 8)]
    found = await refused(limits, submissions)
    assert list(found) == list(range(10, 16))
    assert found[10].status == 422
    assert "a minute earlier or later" in found[10].detail


async def test_jobs_that_wait_no_more_leave_room(table: Table, limits: JobLimits) -> None:
    assert await taken(limits, jobs(10)) == 10
    for jobid in range(1, 11):
        waiting(table, jobid)
    assert await taken(limits, jobs(1)) == 0
    end(table, 1, 2, 3)
    assert await taken(limits, jobs(5)) == 3


async def test_jobs_that_are_being_submitted_count(limits: JobLimits) -> None:
    async with under_way(limits, jobs(8)) as count:
        assert count == 8
        assert await taken(limits, jobs(5)) == 2


async def test_jobs_that_begin_at_once_have_no_limit(limits: JobLimits) -> None:
    assert await taken(limits, jobs(20, NOW - 1)) == 20
    assert await taken(limits, jobs(20, 0.0)) == 20


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

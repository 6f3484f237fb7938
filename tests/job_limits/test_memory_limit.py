"""Large jobs are refused while those before them take too much memory of Flux."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from fluxapi.errors import JobLimitReached
from fluxapi.job_limits import memory_limit
from fluxapi.job_limits.job_limits import JobLimits, Results
from fluxapi.job_limits.memory_limit import LARGE_BYTES, MemoryLimit, usual_limit
from fluxapi.model.eventlog import Purged
from fluxapi.model.job_end import WAITABLE
from fluxapi.model.submission import Submission
from fluxapi.process.timeslice import TimeSlice
from fluxapi.table.table import Table

from .requests import end, refused, show, under_way

LARGE = Submission(b"x" * (LARGE_BYTES // 4), memory=LARGE_BYTES // 2)
SMALL = Submission(b"x" * (LARGE_BYTES // 4), memory=LARGE_BYTES // 2 - 1)


def limits_of(table: Table, number: int) -> JobLimits:
    """Return limits with room for so many large jobs."""
    return JobLimits(table, [MemoryLimit(table, number * LARGE_BYTES)])


async def test_large_jobs_count_until_they_are_purged(table: Table) -> None:
    limits = limits_of(table, 4)
    assert not await refused(limits, [LARGE, SMALL, LARGE, LARGE], 1)
    found = await refused(limits, [SMALL, LARGE, LARGE, SMALL], 5)
    assert list(found) == [2]
    assert isinstance(found[2], JobLimitReached)
    assert "0 MiB of the memory of Flux, of 0 MiB" in found[2].detail
    assert "flux job purge" in found[2].detail

    for jobid in range(1, 8):
        show(table, jobid)
    assert list(await refused(limits, [LARGE], 8)) == [0]
    table.feed([Purged([1, 2])])
    assert list(await refused(limits, [LARGE, LARGE], 8)) == [1]


async def test_waitable_jobs_count_until_they_are_collected(table: Table) -> None:
    limits = limits_of(table, 2)
    assert not await refused(limits, [LARGE, LARGE], 1)
    for jobid in (1, 2):
        show(table, jobid, flags=WAITABLE)
    end(table, 1, 2)
    assert list(await refused(limits, [LARGE], 3)) == [0]
    table.feed([Purged([1, 2])])
    assert list(await refused(limits, [LARGE], 3)) == [0]
    table.waitable.forget([1])
    assert list(await refused(limits, [LARGE, LARGE], 3)) == [1]


async def test_jobs_that_are_being_submitted_count(table: Table) -> None:
    async def leave(sent: Sequence[Submission]) -> Results:
        del sent
        raise ConnectionResetError

    limits = limits_of(table, 2)
    async with under_way(limits, [LARGE]), under_way(limits, [LARGE, LARGE]) as count:
        assert count == 1
        with pytest.raises(ConnectionResetError):
            await limits.submit([SMALL], leave)
    with pytest.raises(ConnectionResetError):
        await limits.submit([LARGE, LARGE], leave)
    assert list(await refused(limits, [LARGE, LARGE, LARGE], 1)) == [2]


async def test_a_job_that_is_never_shown_counts_for_a_minute(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = limits_of(table, 1)
    assert not await refused(limits, [LARGE], 1)
    assert list(await refused(limits, [LARGE], 2)) == [0]
    monkeypatch.setattr(memory_limit, "_MAX_UNSEEN_S", 0.0)
    others = limits_of(table, 1)
    assert not await refused(others, [LARGE], 1)
    assert not await refused(others, [LARGE], 2)


async def test_jobs_are_looked_at_again_in_time_slices(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared: list[TimeSlice] = []

    async def share(turn: TimeSlice) -> None:
        shared.append(turn)

    limits = limits_of(table, 50)
    assert not await refused(limits, [LARGE] * 50, 1)
    monkeypatch.setattr(TimeSlice, "share", share)
    assert list(await refused(limits, [LARGE], 51)) == [0]
    assert len(shared) >= 50


def test_jobs_may_take_a_quarter_of_the_memory() -> None:
    assert usual_limit() >= 1 << 30

"""Large jobs are refused while those before them take too much memory of Flux."""

from __future__ import annotations

import pytest

from fluxapi.errors import FluxapiError
from fluxapi.model.eventlog import Event, JournalMessage, Purged
from fluxapi.model.submission import Submission
from fluxapi.sessions import memory_limit
from fluxapi.sessions.memory_limit import LARGE_BYTES, MemoryLimit, usual_limit
from fluxapi.table.table import Table

LARGE = Submission(b"x" * (LARGE_BYTES // 4), memory=LARGE_BYTES // 2)
SMALL = Submission(b"x" * (LARGE_BYTES // 4), memory=LARGE_BYTES // 2 - 1)


def show(table: Table, *jobids: int) -> None:
    context = {"userid": 0, "urgency": 16, "flags": 0, "version": 1}
    table.feed([JournalMessage(it, [Event(1.0, "submit", context)]) for it in jobids])


async def submit(limit: MemoryLimit, jobs: list[Submission], first: int) -> dict[int, FluxapiError]:
    """Submit jobs under the numbers from *first* on; return the errors of those refused."""
    async with limit.admit(jobs) as refused:
        sent = [job for place, job in enumerate(jobs) if place not in refused]
        limit.note(sent, range(first, first + len(sent)))
    return refused


async def test_large_jobs_count_until_they_are_purged() -> None:
    table = Table()
    limit = MemoryLimit(table, 4 * LARGE_BYTES)
    assert list(await submit(limit, [LARGE, SMALL, LARGE, LARGE], 1)) == []
    refused = await submit(limit, [SMALL, LARGE, LARGE, SMALL], 5)
    assert list(refused) == [2]
    assert refused[2].status == 422
    assert "1 MiB of the memory of Flux, of 1 MiB" in refused[2].detail
    assert "flux job purge" in refused[2].detail

    show(table, *range(1, 8))
    assert list(await submit(limit, [LARGE], 8)) == [0]
    table.feed([Purged([1, 2])])
    assert list(await submit(limit, [LARGE, LARGE], 8)) == [1]


async def test_jobs_that_are_being_submitted_count() -> None:
    limit = MemoryLimit(Table(), 2 * LARGE_BYTES)
    async with limit.admit([LARGE]) as first, limit.admit([LARGE, LARGE]) as second:
        assert not first
        assert list(second) == [1]
        with pytest.raises(ConnectionResetError):
            async with limit.admit([SMALL]):
                raise ConnectionResetError
    assert list(await submit(limit, [LARGE, LARGE, LARGE], 1)) == [2]


async def test_a_job_that_is_never_shown_counts_for_a_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limit = MemoryLimit(Table(), LARGE_BYTES)
    await submit(limit, [LARGE], 1)
    assert list(await submit(limit, [LARGE], 2)) == [0]
    monkeypatch.setattr(memory_limit, "_MAX_UNSEEN_S", 0.0)
    other = MemoryLimit(Table(), LARGE_BYTES)
    await submit(other, [LARGE], 1)
    assert list(await submit(other, [LARGE], 2)) == []


def test_jobs_may_take_a_quarter_of_the_memory() -> None:
    assert usual_limit() >= 1 << 30

"""Requests with jobs, and jobs of the table, for the tests of the limits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fluxapi.errors import FluxapiError, FluxRefused
from fluxapi.job_limits.job_limits import JobLimits, Results
from fluxapi.model.eventlog import Event, JournalMessage
from fluxapi.model.submission import Submission
from fluxapi.table.table import Table

__all__ = ["end", "refused", "show", "taken", "under_way"]


def show(
    table: Table,
    jobid: int,
    *dependencies: str,
    jobspec: dict[str, Any] | None = None,
    flags: int = 0,
) -> None:
    """Put a job into the table, which waits if it has dependencies."""
    context = {"userid": 0, "urgency": 0, "flags": flags, "version": 1}
    added = [Event(3.0, "dependency-add", {"description": one}) for one in dependencies]
    events = [Event(1.0, "submit", context), Event(2.0, "validate"), *added]
    table.feed([JournalMessage(jobid, events, jobspec=jobspec)])
    if not dependencies:
        table.feed([JournalMessage(jobid, [Event(4.0, "depend")])])


def end(table: Table, *jobids: int) -> None:
    """Cancel jobs of the table."""
    exception = Event(5.0, "exception", {"type": "cancel", "severity": 0})
    table.feed([JournalMessage(jobid, [exception, Event(6.0, "clean")]) for jobid in jobids])


async def refused(
    limits: JobLimits, submissions: Sequence[Submission], first: int | None = None
) -> dict[int, FluxapiError]:
    """Submit jobs, and return the errors of those that are refused, by their places.

    The others get IDs from *first* on; without it, Flux refuses them.
    """

    async def send(sent: Sequence[Submission]) -> Results:
        if first is None:
            return [FluxRefused("it is a test") for _ in sent]
        return list(range(first, first + len(sent)))

    results = await limits.submit(submissions, send)
    return {
        place: one for place, one in enumerate(results) if not isinstance(one, int | FluxRefused)
    }


async def taken(limits: JobLimits, submissions: Sequence[Submission]) -> int:
    """Return how many of the jobs of a request are not refused."""
    return len(submissions) - len(await refused(limits, submissions))


@asynccontextmanager
async def under_way(
    limits: JobLimits, submissions: Sequence[Submission], first: int | None = None
) -> AsyncIterator[int]:
    """Submit jobs, and yield how many are taken while Flux does not answer; see :func:`refused`."""
    asked: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    answer = asyncio.Event()

    async def send(sent: Sequence[Submission]) -> Results:
        asked.set_result(len(sent))
        await answer.wait()
        return [
            FluxRefused("it is a test") if first is None else first + n for n in range(len(sent))
        ]

    task = asyncio.ensure_future(limits.submit(submissions, send))
    try:
        yield await asked
    finally:
        answer.set()
        await task

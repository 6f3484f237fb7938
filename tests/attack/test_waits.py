"""Very many requests wait for one job, or one group: nobody else waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from aiohttp.test_utils import TestServer

from fluxapi.events.waiters import Waiters
from fluxapi.http.keys import SESSIONS
from fluxapi.model.eventlog import Event, JournalMessage
from fluxapi.model.job_end import WAITABLE
from fluxapi.table.table import Table
from tests.handlers.conftest import Start, start
from tests.table.test_table import SENTINEL, event, jobspec, submit

__all__ = ["start"]

MANY = 200

Wait = Callable[[Waiters, float], Coroutine[Any, Any, object]]


def table() -> Table:
    made = Table()
    made.feed([submit(1), SENTINEL])
    return made


def waitable_table(jobs: int) -> Table:
    """Return a table of waitable jobs, with the IDs from 1 on."""
    made = Table()
    context = {"userid": 0, "urgency": 16, "flags": WAITABLE, "version": 1}
    submitted = [Event(1.0, "submit", context)]
    made.feed([JournalMessage(jobid, submitted, jobspec()) for jobid in range(1, jobs + 1)])
    made.feed([SENTINEL])
    return made


async def for_a_job(waiters: Waiters, timeout: float) -> None:
    await waiters.wait(1, lambda job: job is None or job.is_inactive, timeout)


async def for_a_list(waiters: Waiters, timeout: float) -> None:
    await waiters.wait_for_ends([1], timeout, needs_all=True)


async def for_any_waitable(waiters: Waiters, timeout: float) -> None:
    await waiters.wait_for_collectable(timeout)


async def most_in_a_pass(begin: Callable[[], object], waits: list[Coroutine[Any, Any, Any]]) -> int:
    """Return the most requests that were resumed in one pass of the event loop."""
    ended: list[object] = []
    tasks = [asyncio.create_task(wait) for wait in waits]
    for task in tasks:
        task.add_done_callback(ended.append)
    await asyncio.sleep(0)
    begin()
    most = 0
    while len(ended) < len(tasks):
        before = len(ended)
        await asyncio.sleep(0)
        most = max(most, len(ended) - before)
    return most


async def test_a_change_that_ends_no_wait_resumes_no_request() -> None:
    jobs, askers = table(), []
    waiters = Waiters(jobs)

    def holds(_: object) -> bool:
        askers.append(asyncio.current_task())
        return False

    tasks = [asyncio.create_task(waiters.wait(1, holds, 60)) for _ in range(MANY)]
    await asyncio.sleep(0)
    askers.clear()
    waiters.wake(jobs.feed([event(1, "depend")]))
    for _ in range(3):
        await asyncio.sleep(0)
    assert set(askers) == {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert not len(waiters)


@pytest.mark.parametrize("wait", [for_a_job, for_a_list])
async def test_requests_that_wait_for_one_change_are_resumed_a_few_at_a_time(wait: Wait) -> None:
    jobs = table()
    waiters = Waiters(jobs)

    def end() -> None:
        waiters.wake(jobs.feed([event(1, "clean")]))
        waiters.wake(jobs.feed([event(1, "memo")]))

    assert await most_in_a_pass(end, [wait(waiters, 60) for _ in range(MANY)]) <= MANY // 8
    assert not len(waiters)


@pytest.mark.parametrize("wait", [for_a_job, for_a_list, for_any_waitable])
async def test_requests_whose_time_passes_at_once_are_resumed_a_few_at_a_time(wait: Wait) -> None:
    waiters = Waiters(table())
    assert await most_in_a_pass(int, [wait(waiters, 0.05) for _ in range(MANY)]) <= MANY // 8


@pytest.mark.parametrize("wait", [for_a_job, for_a_list, for_any_waitable])
async def test_the_end_of_the_service_resumes_all(wait: Wait) -> None:
    waiters = Waiters(table())
    assert await most_in_a_pass(waiters.release, [wait(waiters, 60) for _ in range(MANY)])
    await asyncio.wait_for(wait(waiters, 60), 5)


async def done(tasks: list[asyncio.Task[None]]) -> int:
    """Return how many of *tasks* have ended once all that was resumed has run."""
    for _ in range(2 * MANY):
        await asyncio.sleep(0)
    return sum(task.done() for task in tasks)


async def test_an_end_resumes_one_of_the_requests_that_would_collect_it() -> None:
    jobs = waitable_table(3)
    waiters = Waiters(jobs)
    tasks = [asyncio.create_task(waiters.wait_for_collectable(60)) for _ in range(MANY)]
    await asyncio.sleep(0)
    waiters.wake(jobs.feed([event(1, "memo")]))
    assert await done(tasks) == 0
    waiters.wake(jobs.feed([event(1, "clean")]))
    assert await done(tasks) == 1
    # It has left without the end, so the next one may collect it.
    waiters.resume_collectors()
    assert await done(tasks) == 2
    jobs.waitable.forget([1])
    waiters.resume_collectors()
    assert await done(tasks) == 2
    jobs.waitable.forget([2, 3])
    waiters.resume_collectors()
    assert await done(tasks) == MANY
    assert not len(waiters)


async def test_a_request_for_any_end_looks_at_no_single_job(start: Start) -> None:
    service = await start()
    for _ in range(3):
        await service.submit(waitable=True)
    asked: list[object] = []

    class Unread(dict[int, None]):
        def __iter__(self) -> Iterator[int]:
            asked.append(self)
            return super().__iter__()

    server = service.client.server
    assert isinstance(server, TestServer)
    waitable = server.app[SESSIONS].root.table.waitable
    waitable._active = Unread(waitable._active)
    answer = await service.client.post("/v1/jobs/collect", json={"timeout": 0.01})
    assert await answer.json() == {"jobs": [], "active": 3}
    assert not asked

"""Very many requests wait for one job, or one group: nobody else waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from fluxapi.events.waiters import Waiters
from fluxapi.table.table import Table
from tests.table.test_table import SENTINEL, event, submit

MANY = 200

Wait = Callable[[Waiters, float], Coroutine[Any, Any, object]]


def table() -> Table:
    made = Table()
    made.feed([submit(1), SENTINEL])
    return made


async def for_a_job(waiters: Waiters, timeout: float) -> None:
    await waiters.wait(1, lambda job: job is None or job.is_inactive, timeout)


async def for_a_list(waiters: Waiters, timeout: float) -> None:
    await waiters.wait_for_ends([1], timeout, needs_all=True)


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


@pytest.mark.parametrize("wait", [for_a_job, for_a_list])
async def test_requests_whose_time_passes_at_once_are_resumed_a_few_at_a_time(wait: Wait) -> None:
    waiters = Waiters(table())
    assert await most_in_a_pass(int, [wait(waiters, 0.05) for _ in range(MANY)]) <= MANY // 8


@pytest.mark.parametrize("wait", [for_a_job, for_a_list])
async def test_the_end_of_the_service_resumes_all(wait: Wait) -> None:
    waiters = Waiters(table())
    assert await most_in_a_pass(waiters.release, [wait(waiters, 60) for _ in range(MANY)])
    await wait(waiters, 60)

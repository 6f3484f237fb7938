"""The work of a client begins in its order, as long as it fits beside other work."""

from __future__ import annotations

import asyncio

import pytest

from fluxapi.errors import TooManyRequests
from fluxapi.http.work_turns import Taker, WorkTurns

CLIENT = Taker("client")


def begun(turns: WorkTurns, *sizes: int) -> list[asyncio.Task[None]]:
    return [asyncio.ensure_future(turns.take(CLIENT, size)) for size in sizes]


async def done(tasks: list[asyncio.Task[None]]) -> list[bool]:
    for _ in range(3):
        await asyncio.sleep(0)
    return [task.done() for task in tasks]


async def test_work_waits_until_it_fits() -> None:
    turns = WorkTurns(200, 1000)
    tasks = begun(turns, 60, 30, 20, 5)
    # The last one would fit, but comes after the third.
    assert await done(tasks) == [True, True, False, False]
    turns.give_back(CLIENT, 30)
    assert await done(tasks) == [True] * 4
    assert turns.used == 85


async def test_large_work_of_a_client_runs_alone() -> None:
    turns = WorkTurns(200, 1000)
    tasks = begun(turns, 1, 500, 1)
    assert await done(tasks) == [True, False, False]
    turns.give_back(CLIENT, 1)
    assert await done(tasks) == [True, True, False]
    turns.give_back(CLIENT, 500)
    assert await done(tasks) == [True] * 3


async def test_too_much_that_waits_is_refused() -> None:
    turns = WorkTurns(200, 50)
    tasks = begun(turns, 100, 50)
    await done(tasks)
    with pytest.raises(TooManyRequests) as refused:
        await turns.take(CLIENT, 1)
    assert refused.value.headers["Retry-After"]
    turns.give_back(CLIENT, 100)
    await tasks[1]


async def test_work_that_is_canceled_leaves_no_trace() -> None:
    turns = WorkTurns(200, 1000)
    tasks = begun(turns, 100, 90, 20, 30)
    await done(tasks)
    tasks[1].cancel()
    await done(tasks)
    turns.give_back(CLIENT, 100)
    # One that has its turn, and is canceled before it goes on.
    tasks[2].cancel()
    assert await done(tasks) == [True] * 4
    assert tasks[3].exception() is None
    assert turns.used == 30
    turns.give_back(CLIENT, 30)
    assert turns.used == 0

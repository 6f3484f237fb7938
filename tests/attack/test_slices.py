"""Many requests with long loops at once: others wait for one slice, not for one of each."""

from __future__ import annotations

import asyncio

from fluxapi.process.timeslice import TimeSlice

MANY = 100


async def test_one_of_many_long_loops_goes_on_in_each_pass() -> None:
    steps: list[int] = []

    async def work(number: int) -> None:
        turn = TimeSlice(0)
        for _ in range(3):
            await turn.share()
            steps.append(number)

    tasks = [asyncio.create_task(work(number)) for number in range(MANY)]
    tasks[5].cancel()
    most = 0
    while not all(task.done() for task in tasks):
        before = len(steps)
        await asyncio.sleep(0)
        most = max(most, len(steps) - before)
    assert most <= 2
    assert len(steps) == 3 * (MANY - 1)
    assert steps[: MANY - 1] == [number for number in range(MANY) if number != 5]


async def test_a_loop_whose_task_is_canceled_in_the_queue_holds_up_no_other() -> None:
    async def work() -> None:
        await TimeSlice(0).share()

    tasks = [asyncio.create_task(work()) for _ in range(3)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    tasks[1].cancel()
    await asyncio.wait_for(tasks[2], 5)

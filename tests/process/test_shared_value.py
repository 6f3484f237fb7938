from __future__ import annotations

import asyncio
import time

import pytest

from fluxapi.process.shared_value import SharedValue
from fluxapi.process.timeslice import TimeSlice
from fluxapi.process.turn_queue import work_for

LONG = 3600.0


class Source:
    """Counts how often it is read, and answers when it is told to."""

    def __init__(self) -> None:
        self.reads = 0
        self.may_answer = asyncio.Event()

    async def read(self) -> int:
        self.reads += 1
        await self.may_answer.wait()
        return self.reads


async def test_callers_at_the_same_time_share_one_computation() -> None:
    source = Source()
    shared = SharedValue(source.read, LONG)
    callers = [asyncio.ensure_future(shared.get()) for _ in range(3)]
    await asyncio.sleep(0)
    source.may_answer.set()
    assert await asyncio.gather(*callers) == [1, 1, 1]
    assert await shared.get() == 1


async def test_an_old_value_is_computed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: clock)
    source = Source()
    source.may_answer.set()
    shared = SharedValue(source.read, 1.0)
    assert [await shared.get(), await shared.get()] == [1, 1]
    clock += 1.0
    assert await shared.get() == 2


async def test_a_value_that_took_long_is_kept_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: clock)
    reads = 0

    async def read() -> int:
        nonlocal clock, reads
        clock += 2.0
        reads += 1
        return reads

    shared = SharedValue(read, 1.0)
    assert await shared.get() == 1
    clock += 19.0
    assert await shared.get() == 1
    clock += 2.0
    assert await shared.get() == 2


async def test_a_caller_that_leaves_cancels_no_other() -> None:
    source = Source()
    shared = SharedValue(source.read, LONG)
    leaves, stays = (asyncio.ensure_future(shared.get()) for _ in range(2))
    await asyncio.sleep(0)
    leaves.cancel()
    source.may_answer.set()
    assert await stays == 1


async def test_a_failure_is_not_kept() -> None:
    source = Source()
    source.may_answer.set()

    async def read() -> int:
        if await source.read() == 1:
            raise OSError("gone")
        return source.reads

    shared = SharedValue(read, LONG)
    with pytest.raises(OSError, match="gone"):
        await shared.get()
    assert await shared.get() == 2


async def test_closing_ends_a_computation() -> None:
    source = Source()
    shared = SharedValue(source.read, LONG)
    caller = asyncio.ensure_future(shared.get())
    await asyncio.sleep(0)
    await shared.aclose()
    with pytest.raises(asyncio.CancelledError):
        await caller


@pytest.mark.parametrize(("for_all", "most"), [(True, 60), (False, None)])
async def test_a_client_whose_turns_are_taken_holds_up_no_other(
    for_all: bool, most: int | None
) -> None:
    steps, busy, passes = 10, 50, 0

    async def compute() -> int:
        for _ in range(steps):
            await TimeSlice(0).share()
        return passes

    async def loop() -> None:
        nonlocal passes
        while True:
            await TimeSlice(0).share()
            passes += 1

    work_for("busy")
    loops = [asyncio.ensure_future(loop()) for _ in range(busy)]
    await asyncio.sleep(0)
    shared = SharedValue(compute, LONG, for_all=for_all)
    first = asyncio.ensure_future(shared.get())
    await asyncio.sleep(0)
    work_for("other")
    taken = await shared.get()
    for task in loops:
        task.cancel()
    await asyncio.gather(first, *loops, return_exceptions=True)
    assert taken < most if most is not None else taken >= (steps - 1) * busy

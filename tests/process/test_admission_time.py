from __future__ import annotations

import asyncio
import time

import pytest

from fluxapi.process.admission import AdmissionLimiter
from tests.attack.passes import Passes

MANY = 40


async def test_handlers_that_take_long_start_one_per_pass() -> None:
    turns, counted = AdmissionLimiter(seconds=0), Passes()
    began: list[int] = []

    async def handler(number: int) -> None:
        await turns.take()
        counted.note()
        began.append(number)

    await asyncio.wait_for(asyncio.gather(*map(handler, range(MANY))), 5)
    assert began == list(range(MANY))
    assert counted.most == 1


async def test_others_start_in_the_next_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(time, "perf_counter", lambda: now)
    turns, counted = AdmissionLimiter(limit=16, seconds=1), Passes()

    async def handler(_: int) -> None:
        nonlocal now
        await turns.take()
        counted.note()
        now += 0.3

    await asyncio.wait_for(asyncio.gather(*map(handler, range(MANY))), 5)
    assert counted.most == 4
    assert sum(counted.done.values()) == MANY


async def test_one_that_is_canceled_while_it_is_late_holds_up_no_other() -> None:
    turns = AdmissionLimiter(seconds=0)
    tasks = [asyncio.create_task(turns.take()) for _ in range(5)]
    for _ in range(3):
        await asyncio.sleep(0)
    tasks[-2].cancel()
    await asyncio.wait_for(tasks[-1], 5)

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Generator

from fluxapi.process.admission import AdmissionLimiter


async def test_a_burst_is_spread_over_the_passes_of_the_loop() -> None:
    turns = AdmissionLimiter(limit=3)
    began: list[int] = []
    passes: list[int] = []

    async def handler(number: int) -> None:
        await turns.take()
        began.append(number)

    handlers = [asyncio.create_task(handler(number)) for number in range(10)]
    while len(began) < len(handlers):
        before = len(began)
        await asyncio.sleep(0)
        passes.append(len(began) - before)
    assert began == sorted(began)
    assert max(passes) <= 3


async def test_a_single_request_does_not_wait() -> None:
    turns = AdmissionLimiter(limit=1)
    await asyncio.wait_for(turns.take(), 5)
    await asyncio.sleep(0)
    await asyncio.wait_for(turns.take(), 5)


async def test_a_canceled_request_takes_no_turn_of_others() -> None:
    turns = AdmissionLimiter(limit=1)
    await turns.take()
    canceled = asyncio.create_task(turns.take())
    waiting = asyncio.create_task(turns.take())
    await asyncio.sleep(0)
    canceled.cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert waiting.done()


class Counted:
    """A turn that counts how often it is suspended."""

    def __init__(self, turn: Awaitable[None]) -> None:
        self.suspensions = 0
        self._turn = turn

    def __await__(self) -> Generator[object, None, None]:
        for step in self._turn.__await__():
            self.suspensions += 1
            yield step


async def test_a_request_that_waits_is_resumed_once() -> None:
    turns = AdmissionLimiter(limit=1)
    waiting = [Counted(turns.take()) for _ in range(5)]

    async def handler(turn: Counted) -> None:
        await turn

    await asyncio.gather(*map(handler, waiting))
    assert [turn.suspensions for turn in waiting] == [0, 1, 1, 1, 1]

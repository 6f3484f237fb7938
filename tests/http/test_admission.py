from __future__ import annotations

import asyncio

from fluxapi.http.admission import AdmissionLimiter


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

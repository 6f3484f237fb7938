"""Requests with one Idempotency-Key that come at the same time."""

from __future__ import annotations

import asyncio

from fluxapi.events.idempotency import Idempotency
from fluxapi.events.table import Table


async def nothing() -> None:
    """Stand in for an instance that has settled."""


async def test_one_bulk_request_of_a_key_has_its_turn_at_a_time() -> None:
    keys, inside, most = Idempotency(Table(), 10, nothing), 0, 0

    async def request() -> None:
        nonlocal inside, most
        async with keys.turn("k"):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    # They come while others wait, have their turn and leave.
    requests = []
    for _ in range(20):
        requests.append(asyncio.create_task(request()))
        await asyncio.sleep(0)
    await asyncio.gather(*requests)
    assert most == 1
    assert not keys._turns

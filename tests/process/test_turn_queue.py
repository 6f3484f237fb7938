"""Clients have their turns one after the other, however much one of them has to do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from fluxapi.process.admission import AdmissionLimiter
from fluxapi.process.shared_value import SharedValue
from fluxapi.process.timeslice import TimeSlice
from fluxapi.process.turn_queue import TurnQueue, work_for

MANY = 50


async def test_clients_take_turns_and_each_has_its_order() -> None:
    loop, queue = asyncio.get_running_loop(), TurnQueue()
    turns = [loop.create_future() for _ in range(5)]
    for client, turn in zip("aaaba", turns, strict=True):
        work_for(client)
        queue.add(turn)
    assert len(queue) == 5
    assert [turns.index(queue.take()) for _ in range(5)] == [0, 3, 1, 2, 4]
    assert not queue


def _shared() -> Callable[[], Awaitable[object]]:
    async def compute() -> int:
        await asyncio.sleep(0)
        return 1

    shared = SharedValue(compute, 3600.0)
    shared._resumed = AdmissionLimiter(1)
    return shared.get


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: AdmissionLimiter(1).take, id="handlers"),
        pytest.param(lambda: lambda: TimeSlice(0).share(), id="slices"),
        pytest.param(_shared, id="shared values"),
    ],
)
async def test_the_request_of_a_client_is_not_behind_all_of_another(
    make: Callable[[], Callable[[], Awaitable[object]]],
) -> None:
    take = make()
    began: list[str] = []

    async def request(client: str) -> None:
        work_for(client)
        await take()
        began.append(client)

    names = [*["greedy"] * MANY, "other"]
    await asyncio.wait_for(asyncio.gather(*map(request, names)), 30)
    assert len(began) == len(names)
    assert began.index("other") <= 2

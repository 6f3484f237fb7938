"""Events are added to jobs as fast as Flux stores them, so that others are stored between them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fluxapi.errors import Forbidden, InstanceUnavailable
from fluxapi.instance.broker import event_pace
from fluxapi.instance.broker.event_pace import EventPace
from fluxapi.process import turn_queue


class Kvs:
    """Answers commits when the test says so, or refuses them."""

    def __init__(self) -> None:
        self.asked = 0
        self.answers = asyncio.Semaphore(0)
        self.error: Exception | None = None

    async def __call__(self, topic: str, body: dict[str, Any] | None = None) -> Any:
        assert topic == "kvs.commit"
        assert body is not None
        self.asked += 1
        if self.error is not None:
            raise self.error
        await self.answers.acquire()
        return {}


async def add(pace: EventPace) -> None:
    """Add an event that Flux answers at once."""
    async with pace.turn():
        pass


async def passes() -> None:
    """Let all tasks go on as far as they can."""
    for _ in range(50):
        await asyncio.sleep(0)


async def test_many_events_wait_until_some_are_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_pace, "_EVENTS", 10)
    kvs = Kvs()
    pace = EventPace(kvs)
    added = [asyncio.ensure_future(add(pace)) for _ in range(25)]
    await passes()
    assert (sum(one.done() for one in added), kvs.asked) == (10, 1)
    kvs.answers.release()
    await passes()
    assert (sum(one.done() for one in added), kvs.asked) == (20, 2)
    # One that is canceled leaves its turn to others.
    added[20].cancel()
    kvs.answers.release()
    await passes()
    assert all(one.done() for one in added)
    assert kvs.asked == 2


async def test_clients_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_pace, "_EVENTS", 10)
    kvs = Kvs()
    pace = EventPace(kvs)

    async def add_as(client: str) -> None:
        turn_queue.work_for(client)
        await add(pace)

    many = [asyncio.ensure_future(add_as("many")) for _ in range(100)]
    await passes()
    one = asyncio.ensure_future(add_as("one"))
    await passes()
    kvs.answers.release()
    await passes()
    assert one.done()
    assert sum(it.done() for it in many) == 19
    for _ in range(10):
        kvs.answers.release()
    await asyncio.gather(*many)


async def test_nobody_waits_for_a_pass_that_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_pace, "_EVENTS", 1)
    pace = EventPace(Kvs())
    added = [asyncio.ensure_future(add(pace)) for _ in range(3)]
    await passes()
    passing = pace._passing
    assert passing is not None
    passing.cancel()
    await asyncio.gather(*added)


@pytest.mark.parametrize("error", [Forbidden("no"), InstanceUnavailable("gone")])
async def test_without_commits_events_are_added(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_pace, "_EVENTS", 10)
    kvs = Kvs()
    kvs.error = error
    pace = EventPace(kvs)
    await asyncio.gather(*(add(pace) for _ in range(25)))
    assert kvs.asked == 2


async def test_fewer_events_are_added_while_they_take_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(event_pace, "_EVENTS", 40)
    kvs, now = Kvs(), [0.0]
    kvs.error = Forbidden("no")
    pace = EventPace(kvs, lambda: now[0])
    answered, under_way = asyncio.Semaphore(0), [0]

    async def event() -> None:
        async with pace.turn():
            under_way[0] += 1
            await answered.acquire()
            under_way[0] -= 1

    async def most_under_way(seconds: float) -> int:
        """Return how many events are added once those before have been answered."""
        await passes()
        now[0] += seconds
        for _ in range(under_way[0]):
            answered.release()
        await passes()
        return under_way[0]

    added = [asyncio.ensure_future(event()) for _ in range(400)]
    assert await most_under_way(0.1) == 40
    assert await most_under_way(1.0) == 10
    assert await most_under_way(10.0) == 4
    # They take their usual time again.
    counts = [await most_under_way(0.0) for _ in range(5)]
    assert counts == [8, 16, 32, 40, 40]
    for _ in added:
        answered.release()
    await asyncio.gather(*added)

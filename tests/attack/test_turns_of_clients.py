"""Work that does not end, of one client or of nested instances: that of others begins."""

from __future__ import annotations

import asyncio
from base64 import b64encode

import pytest

from fluxapi.errors import TooManyRequests
from fluxapi.http import middleware
from fluxapi.http.decode_turn import LONG_BYTES, MAX_DECODED, DecodeTurn
from fluxapi.http.work_turns import Taker, WorkTurns
from fluxapi.process.client_turns import ClientTurns
from fluxapi.process.turn_queue import work_for
from fluxapi.settings.parse import peers
from tests.handlers.conftest import Start, start

__all__ = ["start"]

STRANGER, OTHER, THIRD = Taker("stranger"), Taker("other"), Taker("third")
NESTED, NESTED_TOO = Taker("stranger", nested=True), Taker("other", nested=True)


async def passes() -> None:
    for _ in range(9):
        await asyncio.sleep(0)


class Works:
    """Works that are under way until the test ends them, in the order in which they began."""

    def __init__(self, turns: WorkTurns) -> None:
        self.turns = turns
        self.begun: list[tuple[str, int]] = []
        self.refused: list[tuple[str, int]] = []
        self._ends: list[asyncio.Event] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def add(self, taker: Taker, size: int, count: int = 1) -> asyncio.Task[None]:
        for _ in range(count):
            self._tasks.append(asyncio.create_task(self._work(taker, size)))
        await passes()
        return self._tasks[-1]

    async def end(self, place: int) -> None:
        self._ends[place].set()
        await passes()

    async def _work(self, taker: Taker, size: int) -> None:
        try:
            await self.turns.take(taker, size)
        except TooManyRequests:
            self.refused.append((taker.client, size))
            return
        end = asyncio.Event()
        self.begun.append((taker.client, size))
        self._ends.append(end)
        try:
            await end.wait()
        finally:
            self.turns.give_back(taker, size)


@pytest.mark.parametrize("size", [1, 4, 8, 100])
async def test_one_client_leaves_half_to_the_others(size: int) -> None:
    works = Works(WorkTurns(8, 10_000))
    await works.add(STRANGER, size, 20)
    assert works.begun == [("stranger", size)] * max(4 // size, 1)
    del works.begun[:]
    await works.add(OTHER, 1)
    assert works.begun == [("other", 1)]


async def test_nested_instances_leave_half_to_the_main_one() -> None:
    works = Works(WorkTurns(8, 100))
    await works.add(NESTED, 1, 20)
    await works.add(NESTED_TOO, 1, 20)
    assert len(works.begun) == 4
    await works.add(STRANGER, 1)
    await works.add(OTHER, 1)
    assert works.begun[4:] == [("stranger", 1), ("other", 1)]


async def test_clients_begin_in_turn() -> None:
    works = Works(WorkTurns(2, 100))
    await works.add(STRANGER, 1, 4)
    await works.add(OTHER, 1, 2)
    await works.add(THIRD, 1, 2)
    for place in range(7):
        await works.end(place)
    assert [client for client, _ in works.begun] == [
        "stranger", "other", "stranger", "other", "third", "stranger", "third", "stranger",
    ]  # fmt: skip


async def test_large_work_is_not_overtaken_for_ever() -> None:
    works = Works(WorkTurns(8, 1000))
    await works.add(STRANGER, 3)
    await works.add(OTHER, 3)
    await works.add(THIRD, 100)
    await works.add(Taker("fourth"), 1)
    assert len(works.begun) == 2
    await works.end(0)
    assert works.begun[2:] == [("third", 100), ("fourth", 1)]


async def test_the_client_with_the_most_that_waits_is_refused() -> None:
    works = Works(WorkTurns(2, 100))
    await works.add(STRANGER, 1)
    await works.add(STRANGER, 30, 4)
    assert works.refused == [("stranger", 30)]
    await works.add(OTHER, 1)
    await works.add(OTHER, 20)
    assert works.refused == [("stranger", 30)] * 2
    await works.add(STRANGER, 30)
    assert works.refused == [("stranger", 30)] * 3


async def test_work_whose_client_leaves_takes_no_room() -> None:
    works = Works(WorkTurns(2, 100))
    await works.add(STRANGER, 1)
    for _ in range(20):
        task = await works.add(STRANGER, 90)
        task.cancel()
        await passes()
    await works.add(STRANGER, 90)
    assert works.refused == []
    await works.end(0)
    assert works.begun == [("stranger", 1), ("stranger", 90)]
    await works.end(1)
    assert works.turns.used == 0
    assert works.turns._shares == {}


async def test_a_turn_that_comes_as_the_client_leaves_is_given_back() -> None:
    works = Works(WorkTurns(2, 100))
    await works.add(STRANGER, 1)
    task = await works.add(STRANGER, 1)
    works._ends[0].set()
    await asyncio.sleep(0)
    task.cancel()
    await passes()
    assert works.turns.used == 0


async def test_a_request_has_its_turns_as_its_client(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = await start(user="ada", token="not-so-secret", require_auth=True)
    owner = {"Authorization": f"Basic {b64encode(b'ada:not-so-secret').decode()}"}
    named: list[str] = []
    monkeypatch.setattr(middleware, "work_for", named.append)
    async with service.client.post(
        "/v1/tokens", json={"name": "guest", "scope": "view"}, headers=owner
    ) as made:
        token = (await made.json())["token"]
    guest = {"Authorization": f"Bearer {token}"}
    for headers in (guest, owner, guest):
        async with service.client.get("/v1/jobs", headers=headers) as answer:
            assert answer.status == 200
    assert len(set(named)) == 2
    assert named[1] == named[3]


async def test_each_user_whom_a_proxy_names_is_a_client(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = await start(
        user="ada",
        require_auth=True,
        trust_user_header="X-Remote-User",
        trust_user_right="view",
        trust_from=peers("127.0.0.1"),
    )
    named: list[str] = []
    monkeypatch.setattr(middleware, "work_for", named.append)
    for user in ("bob", "ada", "bob", "eve"):
        async with service.client.get("/v1/jobs", headers={"X-Remote-User": user}) as answer:
            assert answer.status == 200
    assert len(set(named)) == 3
    assert named[0] == named[2]


async def test_long_bodies_of_clients_are_decoded_in_turn() -> None:
    turns, begun = ClientTurns(MAX_DECODED, MAX_DECODED), []
    may_end = asyncio.Event()

    async def decode(client: str) -> None:
        work_for(client)
        with DecodeTurn(turns) as begin:
            await begin(LONG_BYTES)
            begun.append(client)
            await may_end.wait()

    works = [asyncio.create_task(decode("many")) for _ in range(20)]
    works.append(asyncio.create_task(decode("one")))
    await passes()
    assert begun == ["many"] * MAX_DECODED
    may_end.set()
    await asyncio.gather(*works)
    assert begun.index("one") == MAX_DECODED + 1

"""Readers of the history whose queries take long leave a thread to the others."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from fluxapi.archive import reader as module
from fluxapi.archive.reader import ArchiveReader
from fluxapi.process.client_turns import ClientTurns
from fluxapi.process.turn_queue import work_for
from tests.archive.past_jobs import Past, store

TIMEOUT = 20.0
MANY = 20

ENDLESS = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"


@pytest.fixture
async def reader(tmp_path: Path) -> AsyncIterator[ArchiveReader]:
    made = ArchiveReader(store(tmp_path, Past(1 << 24, 10.0)))
    yield made
    await made.aclose()


def count(database: sqlite3.Connection) -> int:
    found: int = database.execute("SELECT count(*) FROM jobs").fetchone()[0]
    return found


def endless(database: sqlite3.Connection) -> object:
    return database.execute(ENDLESS).fetchone()


async def for_client(client: str, work: Callable[[], Awaitable[object]]) -> object:
    work_for(client)
    return await work()


async def test_another_client_reads_while_one_has_many_slow_queries(reader: ArchiveReader) -> None:
    has_begun, may_end = threading.Semaphore(0), threading.Event()

    def slow(database: sqlite3.Connection) -> int:
        has_begun.release()
        may_end.wait(TIMEOUT)
        return count(database)

    waiting = [
        asyncio.create_task(for_client("many", lambda: reader.run(slow))) for _ in range(MANY)
    ]
    try:
        for _ in range(2):
            await asyncio.to_thread(has_begun.acquire)
        other = for_client("other", lambda: reader.run(count))
        assert await asyncio.wait_for(other, TIMEOUT) == 1
        assert not may_end.is_set()
    finally:
        may_end.set()
    assert await asyncio.gather(*waiting) == [1] * MANY


async def test_a_query_ends_when_its_reader_leaves(
    reader: ArchiveReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MAX_QUERY_S", 2 * TIMEOUT)
    for _ in range(MANY):
        left = asyncio.create_task(reader.run(endless))
        await asyncio.sleep(0)
        left.cancel()
        await asyncio.wait([left])
    assert await asyncio.wait_for(reader.run(count), TIMEOUT) == 1


async def test_turns_go_to_clients_one_after_the_other() -> None:
    turns, order = ClientTurns(2, 1), list[str]()

    async def work() -> None:
        client = await turns.take()
        order.append(client)
        await asyncio.sleep(0)
        turns.give_back(client)

    await asyncio.gather(*(for_client(client, work) for client in "aaabbc"))
    assert order == ["a", "b", "a", "b", "c", "a"]
    assert not turns._under_way
    assert not turns._queues


async def test_a_turn_whose_client_has_left_goes_to_the_next() -> None:
    turns = ClientTurns(1, 1)
    held = await turns.take()
    left, given = (asyncio.create_task(turns.take()) for _ in range(2))
    await asyncio.sleep(0)
    left.cancel()
    await asyncio.wait([left])
    turns.give_back(held)
    given.cancel()  # It has its turn, but has not noticed it.
    await asyncio.wait([given])
    assert not turns._under_way
    assert not turns._queues

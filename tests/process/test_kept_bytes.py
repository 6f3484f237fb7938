"""Memory that is kept for readers: slow readers of the client with the most of it give way."""

from __future__ import annotations

import asyncio
import random

import pytest

from fluxapi.process import kept_bytes
from fluxapi.process.kept_bytes import Kept, KeptBytes


class Reader:
    """A client that receives the same number of bytes between two looks."""

    def __init__(self, client: str, rate: int = 0) -> None:
        self.client = client
        self.left = 1_000_000
        self.rate = rate
        self.dropped = asyncio.Event()

    @property
    def unsent_bytes(self) -> int:
        self.left -= self.rate
        return self.left

    def drop(self) -> None:
        self.dropped.set()


@pytest.fixture(autouse=True)
def looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_bytes, "_LOOK_INTERVAL_S", 0.0)
    monkeypatch.setattr(kept_bytes, "_MIN_PROGRESS_BYTES", 10)


def keep(held: KeptBytes, reader: Reader, size: int = 100) -> Kept:
    kept = Kept(size)
    held.add(kept, reader)
    return kept


async def test_kept_bytes_are_counted_once() -> None:
    held = KeptBytes(1000)
    one, other = Reader("one"), Reader("other")
    kept = keep(held, one)
    held.add(kept, other)
    assert held.used == 100
    held.shrink(kept, 40)
    held.leave(kept, one)
    assert held.used == 40
    held.leave(kept, other)
    held.leave(kept, other)
    assert held.used == 0


async def test_readers_of_the_client_with_the_most_give_way() -> None:
    held = KeptBytes(450)
    first = Reader("a little")
    keep(held, first)
    many = [Reader("much") for _ in range(4)]
    for reader in many:
        keep(held, reader)
    await many[0].dropped.wait()
    assert [reader.dropped.is_set() for reader in (first, *many)] == [False, True, *[False] * 3]


async def test_clients_with_the_same_give_way_in_turn() -> None:
    held = KeptBytes(250)
    readers = [Reader(f"{number % 3}") for number in range(9)]
    for reader in readers:
        keep(held, reader)
    await readers[6].dropped.wait()
    assert [reader.dropped.is_set() for reader in readers] == [True] * 7 + [False] * 2


async def test_no_client_ends_what_another_reads_by_reading_it_too() -> None:
    held = KeptBytes(350)
    victim, beside = Reader("victim"), Reader("attacker")
    held.add(kept := Kept(100), victim)
    held.add(kept, beside)
    others = [Reader("attacker") for _ in range(3)]
    for reader in others:
        keep(held, reader)
    await others[0].dropped.wait()
    assert not victim.dropped.is_set()
    assert not beside.dropped.is_set()


async def test_a_reader_that_reads_stays() -> None:
    held = KeptBytes(150)
    reading, stuck = Reader("much", rate=10), Reader("a little")
    keep(held, reading, 140)
    keep(held, stuck, 20)
    await stuck.dropped.wait()
    assert not reading.dropped.is_set()


async def test_many_must_read_more() -> None:
    held = KeptBytes(100)
    slow, fast = Reader("slow", rate=10), Reader("fast", rate=40)
    keep(held, slow, 200)
    keep(held, fast, 200)
    await slow.dropped.wait()
    assert not fast.dropped.is_set()


async def test_a_reader_that_cannot_be_dropped_costs_no_other_look() -> None:
    loop = asyncio.get_running_loop()
    errors: list[object] = []
    loop.set_exception_handler(lambda _, context: errors.append(context["exception"]))
    held = KeptBytes(150)
    bad, other = Reader("one"), Reader("one")

    def fail() -> None:
        raise ValueError

    bad.drop = fail  # type: ignore[method-assign]
    for reader in (bad, other, Reader("one")):
        keep(held, reader)
    await other.dropped.wait()
    assert len(errors) == 1


def test_readers_of_the_client_with_the_most_at_that_time_give_way() -> None:
    rng = random.Random(3)  # noqa: S311 - examples
    for _ in range(50):
        kept = []
        for _ in range(30):
            one = Kept(rng.randrange(1, 100))
            one.readers[Reader(f"{rng.randrange(5)}")] = None
            kept.append(one)
        left = list(kept)
        for given in kept_bytes._in_turn(kept, kept):
            held = {
                name: sum(it.size for it in left if name in kept_bytes._clients(it))
                for name in "01234"
            }
            (mine,) = kept_bytes._clients(given)
            assert held[mine] == max(held.values())
            left.remove(given)
        assert not left

"""Bodies that wait for their readers are kept once, and are bounded in all."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

import pytest

from fluxapi.http import unsent
from fluxapi.http.unsent import Unsent


class Reader:
    def __init__(self, left: int = 0) -> None:
        self.unsent_bytes = left
        self.dropped = asyncio.Event()

    def drop(self) -> None:
        self.dropped.set()


@pytest.fixture(autouse=True)
def looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unsent, "_LOOK_INTERVAL_S", 0.0)


def test_equal_bodies_are_kept_once() -> None:
    bodies = Unsent()
    with ExitStack() as sending:
        sent = [
            sending.enter_context(bodies.sending(Reader(), text.encode() * 9))
            for text in ("one", "one", "three", "one", "three")
        ]
        assert bodies.used == 27 + 45
        assert len({id(body) for body in sent}) == 2
    assert bodies.used == 0


async def test_readers_of_nothing_give_way_to_others() -> None:
    bodies = Unsent(limit=250)
    with ExitStack() as sending:
        first, second, third = Reader(100), Reader(110), Reader(120)
        sending.enter_context(bodies.sending(first, b"1" * 100))
        sending.enter_context(bodies.sending(second, b"2" * 110))
        await asyncio.sleep(0)
        assert not first.dropped.is_set()
        sending.enter_context(bodies.sending(third, b"3" * 120))
        await first.dropped.wait()
        assert not second.dropped.is_set()
        assert not third.dropped.is_set()


async def test_a_body_with_a_reader_that_reads_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unsent, "_MIN_PROGRESS_BYTES", 10)
    bodies = Unsent(limit=150)

    class Reading(Reader):
        @property
        def unsent_bytes(self) -> int:
            self.left -= 10
            return self.left

        @unsent_bytes.setter
        def unsent_bytes(self, value: int) -> None:
            self.left = value

    with ExitStack() as sending:
        reading, beside, stuck = Reading(1_000_000), Reader(100), Reader(100)
        sending.enter_context(bodies.sending(reading, b"1" * 100))
        sending.enter_context(bodies.sending(beside, b"1" * 100))
        sending.enter_context(bodies.sending(stuck, b"2" * 100))
        await stuck.dropped.wait()
        assert not reading.dropped.is_set()
        assert not beside.dropped.is_set()

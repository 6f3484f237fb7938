"""Bodies that wait for their readers are kept once, and are bounded in all."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from fluxapi.http import unsent
from fluxapi.http.unsent import Unsent
from fluxapi.process import kept_bytes
from tests.attack.wire import connect, serving


class Reader:
    def __init__(self, left: int = 0) -> None:
        self.unsent_bytes = left
        self.dropped = asyncio.Event()

    def drop(self) -> None:
        self.dropped.set()


@pytest.fixture(autouse=True)
def looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_bytes, "_LOOK_INTERVAL_S", 0.0)


def test_equal_bodies_are_kept_once() -> None:
    bodies = Unsent()
    with ExitStack() as sending:
        sent = [
            sending.enter_context(bodies.sending(Reader(), "one", text.encode() * 9))
            for text in ("one", "one", "three", "one", "three")
        ]
        assert bodies.used == 27 + 45
        assert len({id(body) for body in sent}) == 2
    assert bodies.used == 0


async def test_readers_of_nothing_give_way_to_others() -> None:
    bodies = Unsent(limit=250)
    with ExitStack() as sending:
        first, second, third = Reader(100), Reader(110), Reader(120)
        sending.enter_context(bodies.sending(first, "one", b"1" * 100))
        sending.enter_context(bodies.sending(second, "one", b"2" * 110))
        await asyncio.sleep(0)
        assert not first.dropped.is_set()
        sending.enter_context(bodies.sending(third, "one", b"3" * 120))
        await first.dropped.wait()
        assert not second.dropped.is_set()
        assert not third.dropped.is_set()


async def test_a_body_with_a_reader_that_reads_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_bytes, "_MIN_PROGRESS_BYTES", 10)
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
        sending.enter_context(bodies.sending(reading, "one", b"1" * 100))
        sending.enter_context(bodies.sending(beside, "one", b"1" * 100))
        sending.enter_context(bodies.sending(stuck, "one", b"2" * 100))
        await stuck.dropped.wait()
        assert not reading.dropped.is_set()
        assert not beside.dropped.is_set()


@pytest.mark.slow
@pytest.mark.parametrize(
    "head",
    [
        b"GET /docs/reference HTTP/1.1\r\nHost: localhost\r\n",
        b"GET /docs/reference HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n",
        b"GET /docs/reference HTTP/1.0\r\n",
        b"GET /docs/reference HTTP/1.0\r\nConnection: keep-alive\r\n",
        b"HEAD /docs/reference HTTP/1.1\r\nHost: localhost\r\n",
    ],
    ids=["whole", "close", "1.0", "1.0 kept", "head"],
)
async def test_a_long_body_arrives_as_it_is(head: bytes) -> None:
    async with serving() as port, connect(port) as wire:
        await wire.send(b"GET /docs/reference HTTP/1.1\r\nHost: localhost\r\n\r\n")
        usual = await wire.answer()
        assert usual is not None
        assert len(usual.body) > 100_000
        async with connect(port) as other:
            await other.send(head + b"\r\n")
            answer = await other.answer(is_head=head.startswith(b"HEAD"))
            assert answer is not None
            assert answer.status == 200
            assert answer.headers["content-length"] == str(len(usual.body))
            assert answer.headers["content-type"] == usual.headers["content-type"]
            assert answer.headers["x-content-type-options"] == "nosniff"
            if not head.startswith(b"HEAD"):
                assert answer.body == usual.body
            is_kept = (b"1.1" in head and b"close" not in head) or b"keep-alive" in head
            if not is_kept:
                assert await other.ended()


async def test_readers_of_the_client_with_the_most_give_way() -> None:
    bodies = Unsent(limit=350)
    with ExitStack() as sending:
        one, *many = [Reader(100) for _ in range(4)]
        sending.enter_context(bodies.sending(one, "one", b"0" * 100))
        for number, reader in enumerate(many, 1):
            sending.enter_context(bodies.sending(reader, "many", b"%100d" % number))
        await many[0].dropped.wait()
        assert [reader.dropped.is_set() for reader in (one, *many)] == [False, True, False, False]


class Steady(Reader):
    """A reader that receives the same number of bytes between two looks."""

    def __init__(self, rate: int) -> None:
        super().__init__()
        self.left = 1_000_000
        self.rate = rate

    @property
    def unsent_bytes(self) -> int:
        self.left -= self.rate
        return self.left

    @unsent_bytes.setter
    def unsent_bytes(self, value: int) -> None:
        """Leave it as it is."""


async def test_readers_of_a_little_give_way_when_they_are_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kept_bytes, "_MIN_PROGRESS_BYTES", 10)
    bodies = Unsent(limit=100)
    readers = [Steady(10) for _ in range(40)] + [Steady(1000) for _ in range(9)]
    with ExitStack() as sending:
        for number, reader in enumerate(readers):
            sending.enter_context(bodies.sending(reader, "one", b"%10d" % number))
        await readers[0].dropped.wait()
        dropped = [reader.dropped.is_set() for reader in readers]
    assert dropped == [True] * 39 + [False] * 10


async def test_the_unwritten_part_of_a_long_body_is_unsent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Check that the pieces of a body are not what a reader has left, which is always the same."""
    monkeypatch.setattr(unsent, "_PIECE_BYTES", 10)
    left: list[int] = []

    class Stream(web.StreamResponse):
        async def prepare(self, request: object) -> None:
            """Send nothing."""

        async def write(self, data: object) -> None:
            """Send nothing."""

    monkeypatch.setattr("fluxapi.http.unsent.web.StreamResponse", Stream)
    response, request = web.Response(body=b"x" * 35), make_mocked_request("GET", "/")
    await unsent.send_in_pieces(response, b"x" * 35, request, left.append)
    assert left == [25, 15, 5, 0]

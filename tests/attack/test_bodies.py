"""Bodies in tiny chunks, and bodies whose clients leave: they hold up and keep nothing."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import weakref
from typing import Any

import pytest
from aiohttp import StreamReader

from fluxapi.http import body, server
from fluxapi.http.body_budget import BodyBudget
from fluxapi.http.chunk_limit import ChunkLimit

from .wire import PATIENCE_S, connect, serving

HEAD = b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
LOCKED: dict[str, Any] = {"user": "me", "token": "t" * 32, "require_auth": True}


def chunks(size: int, count: int) -> bytes:
    return (b"%x\r\n%s\r\n" % (size, b" " * size)) * count


class Body:
    def __init__(self) -> None:
        self.total_bytes = 0

    def is_eof(self) -> bool:
        return False


@pytest.mark.parametrize(
    ("bytes_per_buffer", "exceeded"),
    [(1024, [False, False, True]), (4096, [False] * 9), (16384, [False] * 9)],
)
def test_tiny_chunks_are_counted(bytes_per_buffer: int, exceeded: list[bool]) -> None:
    content: Any = Body()
    limit = ChunkLimit(content)
    found = []
    for _ in exceeded:
        content.total_bytes += bytes_per_buffer
        found.append(limit.is_exceeded())
    assert found == exceeded


async def test_a_body_of_tiny_chunks_is_refused() -> None:
    async with serving() as port, connect(port) as wire:
        await wire.send(CHUNKED % b"/v1/jobs/bulk" + chunks(1, 5000))
        answer = await wire.answer()
        assert answer is not None
        assert answer.status == 400
        assert "larger chunks" in answer.problem["detail"]
        assert await wire.ended()


async def test_a_connection_that_ends_is_freed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = asyncio.Event()
    ended: list[weakref.ref[server._Protocol]] = []

    class Noted(server._Protocol):
        # Unlike its base, it can be referred to weakly.
        def connection_lost(self, exc: BaseException | None) -> None:
            super().connection_lost(exc)
            ended.append(weakref.ref(self))
            lost.set()

    monkeypatch.setattr(server, "_Protocol", Noted)
    text = b'{"command": 1}'
    gc.collect()
    gc.disable()
    try:
        async with serving() as port:
            async with connect(port) as wire:
                await wire.send(HEAD % b"/v1/jobs" + b"Content-Length: %d\r\n\r\n" % len(text))
                await wire.send(text)
                answer = await wire.answer()
                assert answer is not None
                assert answer.status == 422
            await asyncio.wait_for(lost.wait(), PATIENCE_S)
            for _ in range(9):
                await asyncio.sleep(0)
            assert [protocol() for protocol in ended] == [None]
    finally:
        gc.enable()


async def test_a_body_of_small_chunks_is_read() -> None:
    job = b'{"command": ["true"]}' + b" " * 80_000
    body = b"".join(b"8\r\n%s\r\n" % job[at : at + 8].ljust(8) for at in range(0, len(job), 8))
    async with serving() as port, connect(port) as wire:
        await wire.send(CHUNKED % b"/v1/jobs" + body + b"0\r\n\r\n")
        answer = await wire.answer()
        assert answer is not None
        assert answer.status == 201


@pytest.mark.parametrize("path", [b"/v1/jobs/bulk", b"/health", b"/nothing"])
async def test_the_rest_of_a_refused_body_of_tiny_chunks_is_not_parsed(path: bytes) -> None:
    async with serving(**LOCKED) as port, connect(port) as wire:
        await wire.send(CHUNKED % path)
        answer = await wire.answer()
        assert answer is not None
        await wire.send(chunks(1, 20_000))
        assert await wire.ended()


async def test_the_rest_of_a_refused_body_is_skipped_in_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    passes = 0
    read = StreamReader.readany
    most = 0

    async def counted(self: StreamReader) -> bytes:
        nonlocal most
        before, size = passes, self.total_bytes
        data = await read(self)
        if before == passes:
            most = max(most, self.total_bytes - size)
        return data

    async def tick() -> None:
        nonlocal passes
        while True:
            passes += 1
            await asyncio.sleep(0)

    monkeypatch.setattr(StreamReader, "readany", counted)
    ticking = asyncio.create_task(tick())
    try:
        async with serving(**LOCKED) as port, connect(port) as wire:
            await wire.send(CHUNKED % b"/v1/jobs/bulk" + chunks(16, 10_000) + b"0\r\n\r\n")
            answer = await wire.answer()
            assert answer is not None
            assert answer.status == 401
            await wire.send(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = await wire.answer()
            assert answer is not None
            assert answer.status == 200
    finally:
        ticking.cancel()
    assert most < 10_000 * 16 / 2


async def test_the_begin_of_a_body_is_freed_when_its_client_leaves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun, freed = asyncio.Event(), asyncio.Event()

    class Collected(bytearray):
        def __init__(self) -> None:
            begun.set()
            super().__init__()

        def __del__(self) -> None:
            freed.set()

    monkeypatch.setattr(body, "bytearray", Collected, raising=False)
    gc.disable()
    try:
        async with serving() as port:
            async with connect(port) as wire:
                await wire.send(HEAD % b"/v1/jobs" + b"Content-Length: 9999\r\n\r\n" + b" " * 99)
                await asyncio.wait_for(begun.wait(), PATIENCE_S)
            await asyncio.wait_for(freed.wait(), PATIENCE_S)
    finally:
        gc.enable()


def test_the_client_with_the_most_bytes_loses_its_oldest_body() -> None:
    budget = BodyBudget(100)
    with contextlib.ExitStack() as stack:
        first, second, third, other = (
            stack.enter_context(budget.arriving(client)) for client in ("a", "a", "a", "b")
        )
        for body in (first, second, third):
            budget.add(body, 30)
        budget.add(other, 10)
        assert not first.is_dropped
        budget.add(other, 1)
        assert [body.is_dropped for body in (first, second, third, other)] == [True, *[False] * 3]
        budget.add(first, 1000)  # It was read already.
        budget.add(other, 29)
        assert not second.is_dropped
        budget.add(other, 1)
        assert [body.is_dropped for body in (second, third, other)] == [True, False, False]
    with budget.arriving("c") as body:
        budget.add(body, 100)
        assert not body.is_dropped
        budget.add(body, 1)
        assert body.is_dropped


async def test_bodies_that_do_not_end_leave_room_for_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Whoever may view can send a thousand bodies of a megabyte.
    monkeypatch.setattr("fluxapi.app._MAX_BODIES_BYTES", 1 << 19)
    part = CHUNKED % b"/v1/jobs/query" + b"f000\r\n%s\r\n" % (b" " * 0xF000)
    async with serving(max_body=1 << 16) as port, contextlib.AsyncExitStack() as stack:
        wires = [await stack.enter_async_context(connect(port)) for _ in range(12)]
        for wire in wires:
            await wire.send(part)
        refused, _ = await asyncio.wait(
            [asyncio.create_task(wire.answer()) for wire in wires],
            return_when=asyncio.FIRST_COMPLETED,
        )
        answer = refused.pop().result()
        assert answer is not None
        assert answer.status == 429
        assert "fewer at the same time" in answer.problem["detail"]


async def test_a_body_that_was_dropped_is_freed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    freed = asyncio.Event()

    class Collected(bytearray):
        def __del__(self) -> None:
            freed.set()

    monkeypatch.setattr(body, "bytearray", Collected, raising=False)
    monkeypatch.setattr("fluxapi.app._MAX_BODIES_BYTES", 1 << 19)
    part = CHUNKED % b"/v1/jobs/query" + b"f000\r\n%b\r\n" % (b" " * 0xF000)
    gc.disable()
    try:
        async with serving(max_body=1 << 16) as port, contextlib.AsyncExitStack() as stack:
            wires = [await stack.enter_async_context(connect(port)) for _ in range(12)]
            for wire in wires:
                await wire.send(part)
            # Their clients stay, and so do the others.
            await asyncio.wait_for(freed.wait(), PATIENCE_S)
    finally:
        gc.enable()

"""Requests that arrive while one before them is being answered: few are read ahead."""

from __future__ import annotations

import asyncio

import pytest

from fluxapi.http import server
from fluxapi.http.head_limit import MAX_HEAD_BYTES

from .wire import Wire, connect, serving

COUNT = 40

GET = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
LONG = GET[:-2] + b"X-Long: %b\r\n\r\n" % (b"a" * 8000)
HEAD = b"POST /v1/jobs/query HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
POST = HEAD + b"Content-Length: 10\r\n\r\n"
CHUNKED = HEAD + b'Transfer-Encoding: chunked\r\n\r\na\r\n{"ids":[]}\r\n0\r\n\r\n'


async def statuses(wire: Wire, count: int) -> set[int]:
    """Return the statuses of the next answers, so many as were asked for."""
    answers = [await wire.answer() for _ in range(count)]
    assert None not in answers
    return {answer.status for answer in answers if answer is not None}


@pytest.mark.parametrize("text", [GET, LONG, CHUNKED], ids=["heads", "long heads", "chunks"])
async def test_few_requests_are_parsed_before_their_turn(
    monkeypatch: pytest.MonkeyPatch, text: bytes
) -> None:
    queued: list[int] = []
    take = server._Protocol._take

    def note(self: server._Protocol, data: bytes) -> None:
        take(self, data)
        queued.append(len(self._messages))

    monkeypatch.setattr(server._Protocol, "_take", note)
    async with serving() as port, connect(port) as wire:
        sent = asyncio.create_task(wire.send(text * COUNT))
        assert await statuses(wire, COUNT) == {200}
        await sent
    assert COUNT * len(LONG) > MAX_HEAD_BYTES
    assert max(queued) <= 4


async def test_requests_behind_a_body_that_comes_late_are_answered() -> None:
    async with serving() as port, connect(port) as wire:
        await wire.send(POST)
        # An answer on another connection: the head has arrived.
        async with connect(port) as other:
            await other.send(GET)
            assert await statuses(other, 1) == {200}
        await wire.send(b'{"ids":[]}' + GET * COUNT)
        assert await statuses(wire, COUNT + 1) == {200}

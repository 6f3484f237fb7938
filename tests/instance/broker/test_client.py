"""The connections that the event loop serves itself, without a broker."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from fluxapi.errors import InstanceUnavailable
from fluxapi.instance.broker import handles, journal
from fluxapi.instance.broker.calls import Call, Submissions
from fluxapi.instance.broker.client import RpcClient
from fluxapi.instance.broker.journal import JournalReader
from fluxapi.instance.broker.wire import Message
from fluxapi.instance.protocol import Submission
from fluxapi.model.eventlog import JournalMessage

ONE = Submission(b'{"version":1}')


class Wire:
    """A connection whose other end is the test."""

    def __init__(self) -> None:
        self.descriptor, self._writer = os.pipe2(os.O_NONBLOCK)
        self.clogged = False
        self.closed = threading.Event()
        self.reads = 0
        self.requests: list[tuple[bytes, int]] = []
        self._arrived: deque[Message] = deque()
        self._used = asyncio.Event()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return when *condition* holds after a request or a read."""
        while not condition():
            self._used.clear()
            await asyncio.wait_for(self._used.wait(), 5)

    def arrive(self, *messages: Message) -> None:
        self._arrived.extend(messages)
        os.write(self._writer, b"\0")

    def request(self, topic: bytes, payload: bytes, tag: int, **options: Any) -> None:
        del payload, options
        self.requests.append((topic, tag))
        self._used.set()

    def flush(self) -> bool:
        return True

    def receive(self) -> Message | None:
        return self._arrived.popleft() if self._arrived else None

    def is_ready(self) -> bool:
        self.reads += 1
        self._used.set()
        with contextlib.suppress(BlockingIOError):
            os.read(self.descriptor, 100)
        return bool(self._arrived)

    def close(self) -> None:
        os.close(self._writer)
        os.close(self.descriptor)
        self.closed.set()


@pytest.fixture
async def wire(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Wire]:
    wire = Wire()
    monkeypatch.setattr(handles, "Connection", lambda *_: wire)
    yield wire
    if not wire.closed.is_set():
        wire.close()


def event(jobid: int) -> Message:
    entry = {"timestamp": 1.0, "name": "submit", "context": {"userid": 0, "urgency": 16}}
    body = {"id": jobid, "events": [entry], "jobspec": {}}
    return Message(2, 0, json.dumps(body).encode())


async def test_requests_of_one_pass_are_sent_in_one_turn(wire: Wire) -> None:
    client = RpcClient(None, None, 10.0)
    await client.start()
    client.sign_for(0)
    await wire.until(lambda: wire.reads > 0)
    before = wire.reads
    submitting = [asyncio.ensure_future(client.submit(Submissions([ONE]))) for _ in range(10)]
    await wire.until(lambda: len(wire.requests) == 10)
    assert wire.reads == before + 1
    wire.arrive(*(Message(tag, 0, b'{"id":%d}' % tag) for _, tag in wire.requests))
    results = await asyncio.wait_for(asyncio.gather(*submitting), 5)
    assert results == [[tag] for _, tag in wire.requests]
    await client.close(5)
    assert wire.closed.is_set()


async def test_a_lost_connection_fails_the_calls_and_is_opened_again(wire: Wire) -> None:
    client = RpcClient(None, None, 10.0)
    await client.start()
    call = asyncio.ensure_future(client.call(Call(b"a.b", b"{}")))
    await wire.until(lambda: len(wire.requests) == 1)

    def lose() -> None:
        raise ConnectionResetError(104, "Connection reset by peer")

    wire.receive = lose  # type: ignore[method-assign] # the broker is gone
    wire.arrive()
    with pytest.raises(InstanceUnavailable, match="Connection reset"):
        await asyncio.wait_for(call, 5)
    # At once, not after a time limit: the next attempt to connect is some time away.
    with pytest.raises(InstanceUnavailable, match="Connection reset"):
        await asyncio.wait_for(client.call(Call(b"a.b", b"{}")), 5)
    await client.close(5)


@pytest.mark.usefixtures("wire")
async def test_a_call_times_out() -> None:
    client = RpcClient(None, None, 0.05)
    await client.start()
    with pytest.raises(InstanceUnavailable, match=r"0\.05 seconds"):
        await asyncio.wait_for(client.call(Call(b"a.b", b"{}")), 5)
    await client.close(5)


async def test_the_messages_of_a_busy_journal_are_taken_together(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "_MIN_INTERVAL_S", 0.05)
    reader = JournalReader(None, None, 10.0)
    await reader.open()
    wire.arrive(event(1))
    assert ids(await reader.next_batch()) == [1]
    following = asyncio.ensure_future(reader.next_batch())
    for jobid in (2, 3, 4):
        wire.arrive(event(jobid))
        await asyncio.sleep(0)
    assert ids(await asyncio.wait_for(following, 5)) == [2, 3, 4]
    await reader.close(5)


async def test_a_long_backlog_comes_in_pieces_without_a_pause(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "_MIN_INTERVAL_S", 1000.0)
    reader = JournalReader(None, None, 10.0)
    await reader.open()
    wire.arrive(*map(event, range(1000)))
    found: list[int] = []
    sizes: list[int] = []
    while len(found) < 1000:
        batch = ids(await asyncio.wait_for(reader.next_batch(), 5))
        found += batch
        sizes.append(len(batch))
    assert found == list(range(1000))
    assert max(sizes) <= 64
    await reader.close(5)


def ids(batch: list[Any]) -> list[int]:
    return [message.id for message in batch if isinstance(message, JournalMessage)]


@pytest.mark.usefixtures("wire")
async def test_a_closed_journal_ends_its_reader() -> None:
    reader = JournalReader(None, None, 10.0)
    await reader.open()
    reading = asyncio.ensure_future(reader.next_batch())
    fence = asyncio.ensure_future(reader.pass_fence())
    await asyncio.sleep(0)
    await reader.close(5)
    for waiting in (reading, fence):
        with pytest.raises(InstanceUnavailable):
            await asyncio.wait_for(waiting, 5)


async def test_a_connection_that_nobody_waits_for_any_more_is_closed(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = threading.Event()

    def connect(*_: object) -> Wire:
        slow.wait(10)
        return wire

    monkeypatch.setattr(handles, "Connection", connect)
    opening = asyncio.ensure_future(handles.open(None, None, 1.0))
    await asyncio.sleep(0)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    slow.set()
    assert await asyncio.to_thread(wire.closed.wait, 10)

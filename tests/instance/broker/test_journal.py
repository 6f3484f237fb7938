"""The thread of the journal, on a connection that a test scripts."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import deque
from typing import Any

import pytest

from fluxapi.errors import InstanceUnavailable
from fluxapi.instance.broker import journal
from fluxapi.instance.broker.wire import Message
from fluxapi.model.eventlog import Purged

_JOURNAL = 2


def message(job: int) -> Message:
    """Return the journal's message of a job that was submitted."""
    context = {"userid": 0, "urgency": 16, "flags": 0, "version": 1}
    event = {"timestamp": 1.0, "name": "submit", "context": context}
    return Message(_JOURNAL, 0, json.dumps({"id": job, "events": [event]}).encode())


def purge(job: int, size: int = 0) -> Message:
    """Return the event of a purge, of *size* bytes or more."""
    return Message(journal._PURGED, 0, b'{"jobs":[%d]%b}' % (job, b" " * size))


class Scripted:
    """A connection with the messages that have arrived; a wait for more ends with the test."""

    def __init__(self, *_settings: Any) -> None:
        self.arrived = deque([message(1)])

    def wake_by(self, wakeup: Any) -> None:
        self.wakeup = wakeup

    def request(self, *_words: Any, **_flags: Any) -> None: ...

    def flush(self) -> bool:
        return True

    def receive(self) -> Message | None:
        return self.arrived.popleft() if self.arrived else None

    def wait(self, timeout: float) -> None:
        self.wakeup.wait(timeout)

    def close(self) -> None: ...


class Pause(threading.Event):
    """Is set when the thread shall end; nine messages arrive during its first pause."""

    def __init__(self, connection: Scripted) -> None:
        super().__init__()
        self.connection = connection
        self.pauses: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        if not self.pauses:
            self.connection.arrived.extend(map(message, range(2, 11)))
        self.pauses.append(timeout)
        return self.is_set()


async def test_messages_that_follow_shortly_are_one_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = Scripted()
    monkeypatch.setattr(journal, "Connection", lambda *_: connection)
    thread = journal.JournalThread(None, None, 10.0)
    pause = thread._closing = Pause(connection)
    sizes: list[int] = []
    hand_over = thread._hand_over

    def note(batch: Any) -> None:
        sizes.append(len(batch[0]))
        hand_over(batch)

    monkeypatch.setattr(thread, "_hand_over", note)
    thread.start()
    read = 0
    while read < 10:
        read += len(await asyncio.wait_for(thread.next_batch(), 30))
    await thread.close(10.0)
    assert sizes == [1, 9]
    assert pause.pauses == [journal._MIN_INTERVAL_S] * 2


async def test_batches_that_have_collected_come_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = Scripted()
    connection.arrived.clear()
    monkeypatch.setattr(journal, "Connection", lambda *_: connection)
    thread = journal.JournalThread(None, None, 10.0)
    for job in range(1, 4):
        thread._hand_over(journal._Batch([purge(job)], ()))
    batch = await asyncio.wait_for(thread.next_batch(), 30)
    assert batch == [Purged([1]), Purged([2]), Purged([3])]
    await thread.close(10.0)


async def test_large_batches_that_have_collected_come_singly() -> None:
    thread = journal.JournalThread(None, None, 10.0)
    for job, size in enumerate((100, journal.MAX_BATCH_BYTES, 100), 1):
        thread._hand_over(journal._Batch([purge(job, size)], ()))
    batches = [await asyncio.wait_for(thread.next_batch(), 30) for _ in range(3)]
    assert batches == [[Purged([1])], [Purged([2])], [Purged([3])]]
    await thread.close(10.0)


async def test_an_invalid_message_ends_the_stream() -> None:
    thread = journal.JournalThread(None, None, 10.0)
    thread._hand_over(journal._Batch([Message(_JOURNAL, 0, b'{"id":"x"}')], ()))
    with pytest.raises(InstanceUnavailable, match="The journal contains an invalid entry"):
        await asyncio.wait_for(thread.next_batch(), 30)
    await thread.close(10.0)


@pytest.mark.parametrize(
    "payload",
    [b"", b"{}", b'{"jobs":"all"}', b'{"jobs":[1.5]}', b'{"jobs":[],"x":%b}' % (b"[" * 100_000)],
)
async def test_an_event_that_is_no_purge_ends_no_stream(payload: bytes) -> None:
    thread = journal.JournalThread(None, None, 10.0)
    false = Message(journal._PURGED, 0, payload)
    thread._hand_over(journal._Batch([false, purge(1)], ()))
    assert await asyncio.wait_for(thread.next_batch(), 30) == [Purged([1])]
    await thread.close(10.0)


def test_large_messages_end_a_batch() -> None:
    connection: Any = Scripted()
    half = purge(1, journal.MAX_BATCH_BYTES // 2)
    connection.arrived = deque([half] * 5)
    taken = [journal._take(connection, None) for _ in range(3)]
    assert [len(one.messages) for one in taken] == [2, 2, 1]


async def test_a_batch_wakes_the_event_loop_that_waits_for_it() -> None:
    thread = journal.JournalThread(None, None, 10.0)
    waiting = asyncio.ensure_future(thread.next_batch())
    await asyncio.sleep(0)
    thread._hand_over(journal._Batch([purge(1)], ()))
    assert await asyncio.wait_for(waiting, 30) == [Purged([1])]
    await thread.close(10.0)


async def test_the_thread_reads_on_after_many_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = Scripted()
    connection.arrived.extend(map(message, range(2, journal._FEW_MESSAGES + 1)))
    monkeypatch.setattr(journal, "Connection", lambda *_: connection)
    thread = journal.JournalThread(None, None, 10.0)
    pause = thread._closing = Pause(connection)
    thread.start()
    batch = await asyncio.wait_for(thread.next_batch(), 30)
    await thread.close(10.0)
    assert len(batch) == journal._FEW_MESSAGES
    assert pause.pauses == []


async def test_the_thread_reads_on_after_large_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    large = b'{"id":1,"events":[{"timestamp":1.0,"name":"%b"}]}' % (b"x" * journal._FEW_BYTES)
    connection = Scripted()
    connection.arrived.append(Message(journal._JOURNAL, 0, large))
    monkeypatch.setattr(journal, "Connection", lambda *_: connection)
    thread = journal.JournalThread(None, None, 10.0)
    pause = thread._closing = Pause(connection)
    thread.start()
    batch = await asyncio.wait_for(thread.next_batch(), 30)
    await thread.close(10.0)
    assert len(batch) == 2
    assert pause.pauses == []


async def test_an_empty_batch_follows_the_last_one(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = Scripted()
    connection.arrived.clear()
    monkeypatch.setattr(journal, "Connection", lambda *_: connection)
    thread = journal.JournalThread(None, None, 10.0)
    thread._hand_over(journal._Batch([purge(1)], ()))
    assert await asyncio.wait_for(thread.next_batch(), 30) == [Purged([1])]
    assert await asyncio.wait_for(thread.next_batch(), 30) == []
    await thread.close(10.0)


async def test_large_batches_take_the_places_of_many() -> None:
    thread = journal.JournalThread(None, None, 10.0)
    size = journal.MAX_BATCHES * journal.MAX_BATCH_BYTES
    thread._hand_over(journal._Batch([purge(1, 2 * size)], ()))
    assert not thread._room.acquire(blocking=False)
    assert await asyncio.wait_for(thread.next_batch(), 30) == [Purged([1])]
    assert thread._room.acquire(blocking=False)
    await thread.close(10.0)

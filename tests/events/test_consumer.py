from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from fluxapi.errors import InstanceUnavailable
from fluxapi.events import consumer
from fluxapi.events.buffer import EventBuffer
from fluxapi.events.consumer import JournalConsumer, _pieces
from fluxapi.events.cursor import new_epoch
from fluxapi.events.event_log import EventLog
from fluxapi.events.hub import Hub
from fluxapi.instance.protocol import ChangeBatch
from fluxapi.model.eventlog import Event, JournalMessage, Resync
from fluxapi.table.backlog import BacklogBuffer
from fluxapi.table.capacity import Capacity
from fluxapi.table.table import Table
from tests.table.test_table import SENTINEL, event, submit


class ScriptedInstance:
    """An instance whose journal a test plays by hand: one queue a stream, ``None`` loses it."""

    def __init__(self) -> None:
        self.streams: asyncio.Queue[asyncio.Queue[ChangeBatch | None]] = asyncio.Queue()

    async def changes(self) -> AsyncIterator[ChangeBatch]:
        stream: asyncio.Queue[ChangeBatch | None] = asyncio.Queue()
        self.streams.put_nowait(stream)
        yield [Resync()]
        while (batch := await stream.get()) is not None:
            yield batch
        raise InstanceUnavailable("gone")


@pytest.fixture
async def pump() -> AsyncIterator[tuple[JournalConsumer, ScriptedInstance]]:
    instance = ScriptedInstance()
    hub = Hub(Table(history=BacklogBuffer()), EventLog(EventBuffer(new_epoch("0" * 8))))
    pump = JournalConsumer(instance, hub)  # type: ignore[arg-type]  # only its journal
    pump.start()
    yield pump, instance
    await pump.aclose()


Pump = tuple[JournalConsumer, ScriptedInstance]


async def within(awaitable: Awaitable[Any]) -> Any:
    return await asyncio.wait_for(awaitable, 5)


async def until(condition: Callable[[], bool]) -> None:
    """Give the loop its turns until ``condition`` holds."""

    async def turn() -> None:
        while not condition():  # noqa: ASYNC110 - the table has no event to wait for
            await asyncio.sleep(0)

    await within(turn())


async def test_it_is_ready_after_the_sentinel(pump: Pump) -> None:
    journal, instance = pump
    stream = await within(instance.streams.get())
    stream.put_nowait([submit(1)])
    await until(lambda: 1 in journal.table)
    assert not journal.ready
    stream.put_nowait([SENTINEL])
    await within(journal.caught_up())
    assert journal.ready


async def test_a_lost_stream_is_asked_for_again_and_reconciled(pump: Pump) -> None:
    journal, instance = pump
    first = await within(instance.streams.get())
    first.put_nowait([submit(1), submit(2), SENTINEL])
    first.put_nowait(None)
    await until(lambda: journal.lost_since is not None)
    assert not journal.ready
    second = await within(instance.streams.get())
    second.put_nowait([submit(2), submit(3), SENTINEL])
    await until(lambda: journal.ready)
    assert list(journal.table.index.all) == [2, 3]
    assert journal.lost_since is None


async def test_events_that_come_late_make_it_not_ready(
    pump: Pump, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, instance = pump
    now = 1000.0
    monkeypatch.setattr(
        consumer, "time", SimpleNamespace(time=lambda: now, monotonic=time.monotonic)
    )
    stream = await within(instance.streams.get())
    stream.put_nowait([submit(1), SENTINEL])
    await within(journal.caught_up())
    # The events of a start may be older than the backlog, whose reading took some time.
    stream.put_nowait([event(1, "priority", priority=16)])
    await until(lambda: journal.table[1].nevents == 2)
    assert journal.problem is None
    now = 1015.0
    stream.put_nowait([event(1, "alloc")])
    await until(lambda: journal.table[1].nevents == 3)
    assert journal.problem == "The journal is 15 seconds behind the instance."


async def test_the_index_of_a_backlog_is_settled_before_it_is_ready(pump: Pump) -> None:
    journal, instance = pump
    stream = await within(instance.streams.get())
    stream.put_nowait([submit(2), submit(1)])
    stream.put_nowait([submit(3), SENTINEL])
    await within(journal.caught_up())
    assert journal.table.index.all.is_settled
    assert list(journal.table.index.all) == [1, 2, 3]


async def test_an_internal_error_is_a_loss_that_is_reported_and_mended(
    pump: Pump, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    journal, instance = pump
    first = await within(instance.streams.get())
    first.put_nowait([submit(1), SENTINEL])
    await within(journal.caught_up())

    def fail(_batch: ChangeBatch) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(journal.table, "feed", fail)
        first.put_nowait([submit(2)])
        await until(lambda: journal.failures == 1)
    assert (journal.ready, journal.losses) == (False, 1)
    assert journal.hub.lost_since is not None
    assert "the task journal consumer failed" in caplog.text
    second = await within(instance.streams.get())
    second.put_nowait([submit(1), submit(2), SENTINEL])
    await until(lambda: journal.ready)
    assert list(journal.table.index.all) == [1, 2]
    assert journal.hub.lost_since is None


async def test_waiting_ends_when_the_condition_holds(pump: Pump) -> None:
    journal, instance = pump
    stream = await within(instance.streams.get())
    stream.put_nowait([SENTINEL])
    waiting = asyncio.create_task(
        journal.waiters.wait(1, lambda job: job is not None and job.state == "DEPEND", 5)
    )
    stream.put_nowait([submit(1)])
    await until(lambda: 1 in journal.table)
    assert not waiting.done()
    stream.put_nowait([event(1, "validate")])
    job = await within(waiting)
    assert job.state == "DEPEND"


async def test_waiting_gives_up_at_its_limit(pump: Pump) -> None:
    journal, _ = pump
    assert await journal.waiters.wait(1, lambda job: job is not None, 0.01) is None
    assert not len(journal.waiters)


async def test_a_long_batch_lets_the_loop_have_its_turn(pump: Pump) -> None:
    journal, instance = pump
    stream = await within(instance.streams.get())
    stream.put_nowait([submit(jobid) for jobid in range(1, 2000)])
    sizes: set[int] = set()
    while len(journal.table) < 1999:
        await asyncio.sleep(0)
        sizes.add(len(journal.table))
    assert len(sizes) > 10


def test_a_job_of_many_events_is_a_piece_of_its_own() -> None:
    many = JournalMessage(1, [Event(1.0, "validate")] * 5000)
    few = JournalMessage(2, [Event(1.0, "validate")])
    pieces = _pieces([few, many, few, many, few], is_live=False)
    assert [len(piece) for piece in pieces] == [2, 2, 1]


async def test_the_cursor_moves_with_the_journal(pump: Pump) -> None:
    journal, instance = pump
    before = journal.cursor
    stream = await within(instance.streams.get())
    stream.put_nowait([submit(1), SENTINEL])
    await within(journal.caught_up())
    assert journal.cursor.split(".")[0] == before.split(".")[0]
    assert journal.cursor != before


async def test_changes_collect_until_a_request_waits_for_one(
    pump: Pump, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fluxapi.events.consumer._UNWATCHED_PAUSE_S", 1000.0)
    journal, instance = pump
    stream = await within(instance.streams.get())
    stream.put_nowait([SENTINEL])
    await within(journal.caught_up())
    stream.put_nowait([])
    stream.put_nowait([submit(1)])
    for _ in range(10):
        await asyncio.sleep(0)
    assert 1 not in journal.table
    assert await within(journal.waiters.wait(1, lambda job: job is not None, 5))


async def test_changes_do_not_collect_while_a_request_waits(
    pump: Pump, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fluxapi.events.consumer._UNWATCHED_PAUSE_S", 1000.0)
    journal, instance = pump
    stream = await within(instance.streams.get())
    stream.put_nowait([SENTINEL])
    await within(journal.caught_up())
    waiting = asyncio.create_task(journal.waiters.wait(2, lambda job: job is not None, 5))
    await asyncio.sleep(0)
    for batch in ([], [submit(1)], [], [submit(2)]):
        stream.put_nowait(batch)
    assert await within(waiting)


async def test_a_few_milliseconds_of_changes_collect_at_most(pump: Pump) -> None:
    journal, instance = pump
    stream = await within(instance.streams.get())
    stream.put_nowait([SENTINEL])
    await within(journal.caught_up())
    stream.put_nowait([])
    stream.put_nowait([submit(1)])
    await until(lambda: 1 in journal.table)


async def test_clients_are_told_of_silence_until_something_comes(pump: Pump) -> None:
    journal, instance = pump
    stream = await within(instance.streams.get())
    stream.put_nowait([SENTINEL])
    await within(journal.caught_up())
    asked = time.monotonic()
    journal.fall_silent("It is silent.", asked)
    since = journal.hub.lost_since
    assert since is not None
    assert (journal.problem, journal.lost_since) == ("It is silent.", None)
    journal.fall_silent("It still is.", time.monotonic())
    assert journal.hub.lost_since == since
    stream.put_nowait([submit(1)])
    await until(lambda: journal.hub.lost_since is None)
    assert journal.silence is None


async def test_an_instance_that_sends_changes_is_not_silent(pump: Pump) -> None:
    journal, instance = pump
    stream = await within(instance.streams.get())
    stream.put_nowait([SENTINEL])
    await within(journal.caught_up())
    asked = time.monotonic()
    stream.put_nowait([submit(1)])
    await until(lambda: 1 in journal.table)
    journal.fall_silent("It did not answer.", asked)
    assert journal.silence == "It did not answer."
    assert journal.hub.lost_since is None


async def test_a_silent_instance_whose_journal_is_lost_stays_lost(pump: Pump) -> None:
    journal, instance = pump
    first = await within(instance.streams.get())
    first.put_nowait([SENTINEL])
    await within(journal.caught_up())
    journal.fall_silent("It is silent.", time.monotonic())
    since = journal.hub.lost_since
    first.put_nowait(None)
    await until(lambda: journal.lost_since is not None)
    journal.break_silence()
    assert journal.hub.lost_since == journal.lost_since == since
    second = await within(instance.streams.get())
    second.put_nowait([SENTINEL])
    await until(lambda: journal.ready)
    assert journal.hub.lost_since is None


async def test_a_late_answer_to_a_ping_leaves_the_reason_for_the_end() -> None:
    instance = ScriptedInstance()
    hub = Hub(Table(capacity=Capacity(1, 1 << 20)), EventLog(EventBuffer(new_epoch("0" * 8))))
    journal = JournalConsumer(instance, hub)  # type: ignore[arg-type]  # only its journal
    journal.start()
    stream = await within(instance.streams.get())
    stream.put_nowait([submit(jobid) for jobid in range(1, 99)])
    await within(journal.gave_up.wait())
    journal.break_silence()
    assert journal.problem is not None
    assert "--max-child-jobs" in journal.problem
    journal.fall_silent("It did not answer.", time.monotonic())
    assert "--max-child-jobs" in journal.problem
    await journal.aclose()

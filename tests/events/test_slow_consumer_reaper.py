"""An end to the subscriptions of clients that take no data."""

from __future__ import annotations

import asyncio

import pytest

from fluxapi.events import slow_consumer_reaper
from fluxapi.events.slow_consumer_reaper import STALL_TIMEOUT_S, SlowConsumerReaper

from .channel import FakeStreamWriter
from .stage import Stage


def test_a_client_that_takes_nothing_is_disconnected_once(stage: Stage) -> None:
    writer = stage.connect()
    writer.left = 5
    writer.pause()
    stage.pass_time(1 + int(STALL_TIMEOUT_S) - 1)
    assert stage.ended == []
    stage.pass_time()
    assert stage.ended == ["stalled"]
    assert stage.channel.is_clean()
    stage.pass_time(20)
    assert stage.ended == ["stalled"]


def test_a_byte_taken_in_between_is_enough(stage: Stage) -> None:
    writer = stage.connect()
    writer.left = 50
    writer.pause()
    for _ in range(5):
        stage.pass_time(int(STALL_TIMEOUT_S))
        writer.left -= 1
    stage.pass_time(int(STALL_TIMEOUT_S))
    assert stage.ended == []
    stage.pass_time()
    assert stage.ended == ["stalled"]


def test_room_in_between_is_enough(stage: Stage) -> None:
    writer = stage.connect()
    writer.left = 5
    for _ in range(5):
        writer.pause()
        stage.pass_time(int(STALL_TIMEOUT_S))
        writer.resume()
        stage.pass_time()
    assert stage.ended == []


def test_a_client_with_nothing_to_read_stays(stage: Stage) -> None:
    stage.connect()
    stage.pass_time(100)
    assert stage.ended == []


def test_all_streams_of_a_stalled_connection_end(stage: Stage) -> None:
    writer = FakeStreamWriter()
    for stream in ("events", "jobs"):
        stage.channel.subscribe(writer, stream, on_end=stage.ended.append)
    stage.turns.run()
    writer.pause()
    stage.pass_time(int(STALL_TIMEOUT_S) + 1)
    assert stage.ended == ["stalled", "stalled"]
    assert stage.channel.is_clean()


async def test_the_task_checks_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow_consumer_reaper, "_CHECK_INTERVAL_S", 0)
    checked: asyncio.Queue[float] = asyncio.Queue()
    task = SlowConsumerReaper()
    monkeypatch.setattr(task, "check", checked.put_nowait)
    task.start()
    await checked.get()
    await task.aclose()
    assert not task.is_running

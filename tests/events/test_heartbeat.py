"""Bookmarks and heartbeats at intervals."""

from __future__ import annotations

import asyncio

import pytest

from fluxapi.events import heartbeat
from fluxapi.events.heartbeat import BOOKMARK_INTERVAL_S, Heartbeat
from fluxapi.events.slow_consumer_reaper import STALL_TIMEOUT_S

from .channel import SSE, Channel, Turns
from .readers import parse
from .stage import Stage, bookmarks


@pytest.mark.parametrize("stream", ["events", "jobs", "stats"])
def test_each_live_subscriber_gets_one_bookmark_per_interval(stage: Stage, stream: str) -> None:
    writers = [stage.connect(stream) for _ in range(40)]
    for period in (1, 2, 3):
        stage.pass_time(BOOKMARK_INTERVAL_S)
        assert [bookmarks(writer) for writer in writers] == [period] * 40


def test_a_bookmark_has_the_cursor_and_the_digest(stage: Stage) -> None:
    writer = stage.connect("jobs")
    stage.channel.feed([stage.flux.submit()])
    writer.writes.clear()
    stage.pass_time(BOOKMARK_INTERVAL_S)
    (bookmark,) = parse(SSE, writer.data)
    assert bookmark.cursor == stage.channel.buffer.cursor.decode()
    assert (bookmark.body["live"], bookmark.body["count"]) == (True, 1)


def test_a_full_socket_gets_no_bookmark(stage: Stage) -> None:
    paused, other = stage.connect(), stage.connect()
    paused.left = 1
    paused.pause()
    stage.pass_time(int(STALL_TIMEOUT_S))
    assert (paused.writes, paused.late) == ([], [])
    stage.pass_time(BOOKMARK_INTERVAL_S)
    assert bookmarks(other) >= 1


def test_a_bookmark_that_does_not_fit_costs_no_other_subscriber_its_own(stage: Stage) -> None:
    writers = [stage.connect() for _ in range(20)]
    for writer in writers[::2]:
        writer.room = 0
    stage.pass_time(BOOKMARK_INTERVAL_S)
    assert [bookmarks(writer) for writer in writers] == [1] * 20
    assert [writer.paused for writer in writers] == [True, False] * 10


async def test_the_task_beats_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "_BEAT_INTERVAL_S", 0)
    beaten = asyncio.Event()
    task = Heartbeat(Channel(Turns()).hub)
    monkeypatch.setattr(task, "beat", beaten.set)
    task.start()
    await beaten.wait()
    await task.aclose()
    assert not task.is_running

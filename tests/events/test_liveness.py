"""Marks, and an end to those who take nothing: the seconds are beaten by hand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fluxapi.events.liveness import BOOKMARK_INTERVAL_S, STALL_TIMEOUT_S, Liveness

from .channel import SSE, Channel, FakeOutlet, Flux, Turns, parse


class Stage:
    def __init__(self, turns: Turns) -> None:
        self.turns, self.flux = turns, Flux()
        self.channel = Channel(turns)
        self.pulse = Liveness(self.channel.hub)
        self.now = 1000.0
        self.ended: list[str] = []

    def connect(self, stream: str = "events") -> FakeOutlet:
        writer = FakeOutlet()
        subscription = self.channel.subscribe(writer, stream, on_end=self.ended.append)
        self.turns.run()
        assert subscription.is_live
        writer.writes.clear()
        return writer

    def beat(self, times: int = 1) -> None:
        for _ in range(times):
            self.now += 1.0
            self.pulse.beat(self.now)


@pytest.fixture
def stage() -> Iterator[Stage]:
    turns = Turns()
    with turns.running():
        yield Stage(turns)


def marks(writer: FakeOutlet) -> int:
    return sum(frame.kind == "bookmark" for frame in parse(SSE, writer.data))


@pytest.mark.parametrize("stream", ["events", "jobs", "stats"])
def test_each_live_reader_gets_one_mark_in_every_period(stage: Stage, stream: str) -> None:
    writers = [stage.connect(stream) for _ in range(40)]
    for period in (1, 2, 3):
        stage.beat(BOOKMARK_INTERVAL_S)
        assert [marks(writer) for writer in writers] == [period] * 40


def test_a_mark_says_where_the_stream_stands(stage: Stage) -> None:
    writer = stage.connect("jobs")
    stage.channel.feed([stage.flux.submit()])
    writer.writes.clear()
    stage.beat(BOOKMARK_INTERVAL_S)
    (mark,) = parse(SSE, writer.data)
    assert mark.cursor == stage.channel.buffer.cursor.decode()
    assert (mark.body["live"], mark.body["count"]) == (True, 1)


def test_one_without_room_gets_none(stage: Stage) -> None:
    paused, other = stage.connect(), stage.connect()
    paused.left = 1
    paused.pause()
    stage.beat(int(STALL_TIMEOUT_S))
    assert (paused.writes, paused.late) == ([], [])
    stage.beat(BOOKMARK_INTERVAL_S)
    assert marks(other) >= 1


def test_one_that_takes_nothing_is_let_go(stage: Stage) -> None:
    writer = stage.connect()
    writer.left = 5
    writer.pause()
    stage.beat()
    stage.beat(int(STALL_TIMEOUT_S) - 1)
    assert stage.ended == []
    stage.beat()
    assert stage.ended == ["stalled"]
    assert stage.channel.is_clean()
    stage.beat(20)
    assert stage.ended == ["stalled"]


def test_a_byte_taken_in_between_is_enough(stage: Stage) -> None:
    writer = stage.connect()
    writer.left = 50
    writer.pause()
    for _ in range(5):
        stage.beat(int(STALL_TIMEOUT_S))
        writer.left -= 1
    stage.beat(int(STALL_TIMEOUT_S))
    assert stage.ended == []
    stage.beat()
    assert stage.ended == ["stalled"]


def test_room_in_between_is_enough(stage: Stage) -> None:
    writer = stage.connect()
    writer.left = 5
    for _ in range(5):
        writer.pause()
        stage.beat(int(STALL_TIMEOUT_S))
        writer.resume()
        stage.beat()
    assert stage.ended == []


def test_one_that_has_room_and_nothing_to_read_stays(stage: Stage) -> None:
    stage.connect()
    stage.beat(100)
    assert stage.ended == []


def test_all_streams_of_a_stalled_connection_end(stage: Stage) -> None:
    writer = FakeOutlet()
    for stream in ("events", "jobs"):
        stage.channel.subscribe(writer, stream, on_end=stage.ended.append)
    stage.turns.run()
    writer.pause()
    stage.beat(int(STALL_TIMEOUT_S) + 1)
    assert stage.ended == ["stalled", "stalled"]
    assert stage.channel.is_clean()


def test_a_mark_that_does_not_fit_costs_nobody_else_theirs(stage: Stage) -> None:
    writers = [stage.connect() for _ in range(20)]
    for writer in writers[::2]:
        writer.room = 0
    stage.beat(BOOKMARK_INTERVAL_S)
    assert [marks(writer) for writer in writers] == [1] * 20
    assert [writer.paused for writer in writers] == [True, False] * 10


async def test_it_runs_by_itself_and_ends() -> None:
    pulse = Liveness(Channel(Turns()).hub)
    await pulse.start()
    await pulse.close()
    assert pulse._task is not None
    assert pulse._task.cancelled()

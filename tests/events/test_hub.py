"""The hub, one reader and one case at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fluxapi.events import views
from fluxapi.events.filters import Filter
from fluxapi.events.transport.wire import Lines, Wire

from .channel import SSE, Channel, FakeStreamWriter, Flux, Turns
from .readers import JobsReader, parse


class Stage:
    """A hub with one job, and what to try on it."""

    def __init__(self, turns: Turns) -> None:
        self.turns, self.flux = turns, Flux()
        self.channel = Channel(turns)
        self.hub = self.channel.hub
        self.ended: list[str] = []
        self.happen("submit")

    def happen(self, name: str, context: dict[str, Any] | None = None) -> None:
        if name == "submit":
            self.channel.feed([self.flux.submit()])
        else:
            self.channel.feed([self.flux.happen(1, name, context)])

    def connect(
        self, stream: str = "events", room: int | None = None, **more: Any
    ) -> FakeStreamWriter:
        writer = FakeStreamWriter(room)
        self.channel.subscribe(writer, stream, on_end=self.ended.append, **more)
        return writer

    def kinds(self, writer: FakeStreamWriter, wire: Wire = SSE) -> list[str]:
        frames = parse(wire, writer.data)
        writer.writes.clear()
        return [it.body["name"] if it.kind == "event" else it.kind for it in frames]


@pytest.fixture
def stage() -> Iterator[Stage]:
    turns = Turns()
    with turns.running():
        yield Stage(turns)


def test_a_new_subscriber_gets_a_bookmark_and_then_events(stage: Stage) -> None:
    writer = stage.connect()
    stage.turns.run()
    assert stage.kinds(writer) == ["bookmark"]
    stage.happen("validate")
    assert stage.kinds(writer) == ["validate"]


def test_one_connection_without_room_gets_none_of_its_streams(stage: Stage) -> None:
    writer = FakeStreamWriter(0)
    for wire in (SSE, Lines(chunked=False)):
        stage.channel.subscribe(writer, "events", since="0", wire=wire)
    stage.turns.run()
    assert (len(writer.writes), writer.late) == (1, [])


def test_a_stream_that_takes_the_room_leaves_the_others_of_its_connection_behind(
    stage: Stage,
) -> None:
    writer = FakeStreamWriter()
    for wire in (SSE, Lines(chunked=False)):
        stage.channel.subscribe(writer, "events", wire=wire)
    stage.turns.run()
    writer.writes.clear()
    writer.room = 0
    stage.happen("validate")
    assert (len(writer.writes), writer.late) == (1, [])
    writer.resume()
    stage.turns.run()
    assert sorted(len(writer.writes[at].splitlines()) for at in range(2)) == [1, 4]


def leave_on_write(stage: Stage, writer: FakeStreamWriter) -> None:
    def leave() -> None:
        for subscription in list(stage.hub.writers.get(writer, ())):
            stage.hub.unsubscribe(subscription)

    writer.on_write = leave


@pytest.mark.parametrize("since", [None, "0", "garbage"])
@pytest.mark.parametrize("stream", ["events", "jobs", "stats"])
def test_one_that_leaves_while_it_is_written_to_is_gone(
    stage: Stage, stream: str, since: str | None
) -> None:
    writer = stage.connect(stream, since=since)
    leave_on_write(stage, writer)
    stage.turns.run()
    stage.happen("validate")
    assert len(writer.writes) == 1
    assert stage.channel.is_clean()


@pytest.mark.parametrize("tell", ["publish", "set_lost", "push"])
def test_a_subscriber_that_leaves_during_a_write_affects_no_other(stage: Stage, tell: str) -> None:
    stream = "stats" if tell == "push" else "events"
    lines = Lines(chunked=False)
    writers = [stage.connect(stream, wire=wire) for wire in (SSE, lines, lines, lines)]
    stage.turns.run()
    for writer in writers:
        writer.writes.clear()
    leave_on_write(stage, writers[0])
    leave_on_write(stage, writers[1])
    writers[2].lost = True
    if tell == "publish":
        stage.happen("validate")
    elif tell == "set_lost":
        stage.hub.set_lost(1.0)
    else:
        stage.hub.push(stage.hub.stats)
    assert [len(writer.writes) for writer in writers] == [1, 1, 0, 1]


def test_one_that_is_lost_with_its_connection_ends_all_its_streams_at_once(stage: Stage) -> None:
    writer = FakeStreamWriter()

    def end(reason: str) -> None:
        stage.ended.append(reason)
        for subscription in list(stage.hub.writers.get(writer, ())):
            stage.hub.unsubscribe(subscription)

    stage.happen("clean")
    for wire in (SSE, Lines(chunked=False)):
        stage.channel.subscribe(writer, "events", since="0", until=1, wire=wire, on_end=end)
    other = stage.connect(since="0")
    stage.turns.run()
    assert stage.ended == ["clean"]
    assert stage.kinds(other) == ["submit", "clean", "bookmark"]


def test_one_that_cannot_be_served_is_ended_and_nobody_else(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_view: object, _seq: int) -> None:
        raise ZeroDivisionError

    broken = stage.connect(filter=Filter(ids=frozenset({1})), since="0")
    fine = [stage.connect("jobs") for _ in range(3)]
    monkeypatch.setattr(views.EventsView, "replay", fail)
    stage.turns.run()
    assert stage.ended == ["failed"]
    assert stage.kinds(broken) == []
    assert [stage.kinds(writer) for writer in fine] == [["snapshot", "bookmark"]] * 3
    assert len(stage.hub.writers) == 3


def test_a_feed_that_cannot_be_made_is_ended_and_no_other(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_view: object, _batch: object) -> None:
        raise ZeroDivisionError

    writers = stage.connect("events"), stage.connect("jobs")
    stage.turns.run()
    for writer in writers:
        writer.writes.clear()
    monkeypatch.setattr(views.EventsView, "live", fail)
    stage.happen("validate")
    assert stage.ended == ["failed"]
    assert [stage.kinds(writer) for writer in writers] == [[], ["job"]]


@pytest.mark.parametrize(
    ("message", "reason"),
    [(lambda flux: flux.happen(1, "clean"), "clean"), (lambda flux: flux.purge(1), "purged")],
)
@pytest.mark.parametrize("paused", [False, True])
def test_a_stream_of_one_job_ends_with_it(
    stage: Stage, message: Callable[[Flux], Any], reason: str, *, paused: bool
) -> None:
    writer = stage.connect(filter=Filter(ids=frozenset({1})), since=0, until=1)
    stage.turns.run()
    if paused:
        writer.pause()
    stage.channel.feed([message(stage.flux)])
    stage.turns.run()
    assert stage.ended == ([] if paused else [reason])
    writer.resume()
    stage.turns.run()
    assert stage.ended == [reason]
    assert stage.kinds(writer)[-1] in {"clean", "gone"}
    assert stage.channel.is_clean()


def test_leaving_twice_is_leaving_once(stage: Stage) -> None:
    subscription = stage.channel.subscribe(FakeStreamWriter(), "jobs")
    stage.hub.unsubscribe(subscription)
    stage.hub.unsubscribe(subscription)
    stage.turns.run()
    assert stage.channel.is_clean()


def test_a_loss_of_the_journal_is_reported_once_with_its_time(stage: Stage) -> None:
    writer = stage.connect()
    stage.turns.run()
    writer.writes.clear()
    for since in (5.0, 6.0, None, None):
        stage.hub.set_lost(since)
    lost, back = parse(SSE, writer.data)
    assert (lost.body["live"], lost.body["lost_since"], back.body["live"]) == (False, 5.0, True)


def test_each_of_thousands_of_purged_jobs_is_reported(stage: Stage) -> None:
    stage.channel.feed([stage.flux.submit() for _ in range(5000)])
    writer, reader = stage.connect("jobs"), JobsReader()
    stage.turns.run()
    stage.channel.feed([stage.flux.purge(*range(1, 5001))])
    stage.turns.run()
    reader.take(parse(SSE, writer.data))
    assert set(reader.rows) == set(stage.channel.rows())
    assert len(reader.rows) == 1


def test_a_purge_that_overtakes_the_end_of_a_job_leaves_nothing_behind(stage: Stage) -> None:
    writer, reader = stage.connect("jobs"), JobsReader()
    stage.turns.run()
    clean = stage.flux.happen(1, "clean")
    stage.channel.feed([stage.flux.purge(1, 77), clean])
    reader.take(parse(SSE, writer.data))
    assert (reader.rows, len(stage.channel.table)) == ({}, 0)


@pytest.mark.slow
def test_a_flood_on_one_job_is_conflated_and_costs_no_other_its_events(stage: Stage) -> None:
    stage.channel.feed([stage.flux.submit()])
    other = stage.connect(filter=Filter(ids=frozenset({2})))
    slow, reader = stage.connect("jobs"), JobsReader()
    stage.turns.run()
    slow.pause()
    before = len(slow.data)
    for number in range(100_000):
        context = {"annotations": {"progress": number}}
        stage.channel.feed([stage.flux.happen(1, "annotations", context)])
        if number % 10_000 == 0:
            stage.channel.feed([stage.flux.happen(2, "memo", {"n": number})])
    assert stage.kinds(other) == ["bookmark", *["memo"] * 10]
    slow.resume()
    stage.turns.run()
    kinds = [frame.kind for frame in parse(SSE, slow.data[before:])]
    assert kinds == ["job", "job"]
    reader.take(parse(SSE, slow.data))
    assert reader.rows == stage.channel.rows()
    assert len(stage.channel.buffer.entries) <= 65_536 + 4096
    assert sum(len(it.seqs) for it in stage.channel.change_log._segments) < 10_000


def test_pieces_are_of_about_64_kib_but_for_a_larger_message(stage: Stage) -> None:
    stage.channel.feed([stage.flux.submit("n" * 50) for _ in range(3000)])
    stage.channel.feed([stage.flux.happen(7, "memo", {"large": "x" * 200_000})])
    begin = f"{stage.channel.buffer.epoch}.0.0"
    for stream, since in (("events", "0"), ("jobs", None), ("jobs", begin)):
        writer = stage.connect(stream, since=since)
        stage.turns.run()
        sizes = sorted(len(data) for data in writer.writes)
        assert len(sizes) > 5
        assert [size for size in sizes if size > 66 << 10][1:] == []


@pytest.mark.parametrize("stream", ["events", "jobs"])
def test_after_a_gap_the_reader_gets_a_bookmark_again(stream: str) -> None:
    turns, flux = Turns(), Flux()
    with turns.running():
        channel = Channel(turns, max_events=2, max_gone=1)
        writer = FakeStreamWriter()
        channel.subscribe(writer, stream)
        turns.run()
        writer.pause()
        writer.writes.clear()
        channel.feed([flux.submit() for _ in range(4)])
        channel.feed([flux.purge(1, 2, 3)])
        writer.resume()
        turns.run()
        kinds = [frame.kind for frame in parse(SSE, writer.data)]
        assert kinds == ["reset", *(["snapshot"] if stream == "jobs" else []), "bookmark"]

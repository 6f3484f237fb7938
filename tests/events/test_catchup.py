"""Whoever leaves and comes back holds what it would hold had it stayed."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from fluxapi.events.filters import Filter
from fluxapi.events.transport.wire import Lines, Wire
from fluxapi.table.query import JobQuery

from .channel import FILTERS, SSE, Channel, FakeStreamWriter, Flux, Step, Turns, steps
from .readers import EventsReader, Frame, JobsReader, parse

WIRES = (SSE, Lines(chunked=False))


def cut(frames: list[Frame]) -> Iterator[list[Frame]]:
    """Return the data of readers that were cut off after each frame."""
    return (frames[:count] for count in range(1, len(frames) + 1))


@given(steps(), steps(10), st.sampled_from(FILTERS), st.sampled_from(WIRES), st.integers(1, 9))
def test_events_go_on_after_any_frame(
    before: list[Step], after: list[Step], filter: Filter, wire: Wire, size: int
) -> None:
    turns, flux = Turns(), Flux()
    with turns.running():
        channel = Channel(turns)
        writer = FakeStreamWriter()
        channel.subscribe(writer, "events", filter, "0", wire=wire)
        publish(channel, flux, before, size)
        turns.run()
        frames = parse(wire, writer.data)
        half = len(after) // 2
        publish(channel, flux, after[:half], size)
        come_back = []
        for seen in cut(frames):
            reader, again = EventsReader(), FakeStreamWriter()
            reader.take(seen)
            channel.subscribe(again, "events", filter, reader.cursor, wire=wire)
            come_back.append((reader, again))
        publish(channel, flux, after[half:], size)
        turns.run()
        stayed = EventsReader()
        stayed.take(parse(wire, writer.data))
        assert not stayed.resets
        for reader, again in come_back:
            reader.take(parse(wire, again.data))
            assert (reader.told, reader.resets) == (stayed.told, [])


def publish(channel: Channel, flux: Flux, todo: list[Step], size: int) -> None:
    messages = [message for step in todo for message in flux.step(step)]
    for start in range(0, len(messages), size):
        channel.feed(messages[start : start + size])
        channel.turns.turn()


@given(steps(), steps(10), st.sampled_from(FILTERS), st.sampled_from(WIRES), st.integers(1, 9))
def test_rows_are_those_of_the_table_after_any_frame(
    before: list[Step], after: list[Step], filter: Filter, wire: Wire, size: int
) -> None:
    turns, flux = Turns(), Flux()
    with turns.running():
        channel = Channel(turns)
        publish(channel, flux, before[::2], size)
        writer = FakeStreamWriter()
        channel.subscribe(writer, "jobs", filter, wire=wire)
        publish(channel, flux, before[1::2], size)
        turns.run()
        frames = parse(wire, writer.data)
        half = len(after) // 2
        publish(channel, flux, after[:half], size)
        come_back = []
        for seen in cut(frames):
            reader, again = JobsReader(), FakeStreamWriter()
            reader.take(seen)
            subscription = channel.subscribe(again, "jobs", filter, reader.cursor, wire=wire)
            come_back.append((reader, again, subscription))
        publish(channel, flux, after[half:], size)
        turns.run()
        for reader, again, subscription in come_back:
            reader.take(parse(wire, again.data))
            assert reader.rows == channel.rows(filter)
            assert reader.proof == channel.proof(subscription)
            assert reader.resets == []


def test_a_row_that_left_for_another_queue_is_gone_for_one_who_was_away() -> None:
    turns, flux = Turns(), Flux()
    with turns.running():
        channel = Channel(turns)
        filter = Filter(JobQuery(queue="a"))
        channel.feed([flux.submit(queue="a"), flux.submit(queue="b")])
        writer, reader = FakeStreamWriter(), JobsReader()
        leaving = channel.subscribe(writer, "jobs", filter)
        turns.run()
        reader.take(parse(SSE, writer.data))
        channel.hub.unsubscribe(leaving)
        channel.feed([flux.happen(1, "jobspec-update", {"attributes.system.queue": "b"})])
        again = FakeStreamWriter()
        channel.subscribe(again, "jobs", filter, reader.cursor)
        turns.run()
        reader.take(parse(SSE, again.data))
        assert (len(reader.rows), reader.resets) == (0, [])

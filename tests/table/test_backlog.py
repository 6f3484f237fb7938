"""The past that a new service knows, and the cursors that are valid there."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluxapi.events.buffer import EventBuffer
from fluxapi.events.event_log import EventLog
from fluxapi.events.hub import Hub
from fluxapi.model.eventlog import Event
from fluxapi.model.job import Job
from fluxapi.table.backlog import BacklogBuffer
from fluxapi.table.index import Facets
from fluxapi.table.table import Table
from tests import recording
from tests.events.channel import SSE, Channel, FakeStreamWriter, Flux, Step, Turns, steps
from tests.events.readers import EventsReader, JobsReader, parse
from tests.table.test_table import SENTINEL

FORWARD = (0.0, 0.0, 0.001, 1.0, 7.0)


def history_of(jobs: dict[int, list[float]], limit: int = 65_536) -> BacklogBuffer:
    history = BacklogBuffer(limit)
    for jobid, times in jobs.items():
        events = [Event(time, "urgency") for time in times]
        if history.wants(events):
            history.add(Job(jobid), Job(jobid), events)
    return history


def recalled(history: BacklogBuffer) -> list[tuple[int, int | None]]:
    return [(jobid, index) for piece in history.recall() for jobid, index, _, _ in piece]


@pytest.mark.parametrize("context", [{"x": "y" * 50_000}, {"x": [{}] * 1000}])
def test_events_count_by_the_memory_that_they_take(context: dict[str, object]) -> None:
    history = BacklogBuffer(max_bytes=1 << 20)
    for jobid in range(1, 101):
        history.add(Job(jobid), Job(jobid), [Event(float(jobid), "memo", context)])
        assert sum(len(events) for _, _, events, *_ in history._jobs) < 45
    told = [jobid for jobid, _ in recalled(history)]
    assert told == list(range(101 - len(told), 101))
    assert 5 < len(told) < 25
    assert history.missing_until == 100 - len(told)


JOBS = st.dictionaries(
    st.integers(1, 100), st.lists(st.floats(1, 100), min_size=1, max_size=6), max_size=30
)


@given(JOBS, st.integers(1, 20))
def test_everything_after_what_is_missing_is_there(
    jobs: dict[int, list[float]], limit: int
) -> None:
    history = history_of(jobs, limit)
    told = recalled(history)
    assert len(told) == len(set(told)) <= limit
    assert set(told) >= {
        (jobid, index)
        for jobid, times in jobs.items()
        for index, time in enumerate(times)
        if time > history.missing_until
    }
    if history.missing_until == 0.0:
        assert len(told) == sum(map(len, jobs.values()))


def test_events_are_recalled_as_they_were_published() -> None:
    published: dict[tuple[int, int | None, str], Facets] = {}
    table = Table()
    table.feed([SENTINEL])
    for posted in table.feed(recording.live()).posted:
        published[posted.id, posted.index, posted.event.name] = posted.facets
    later = Table(history=BacklogBuffer())
    later.feed(recording.backlog())
    assert later.history is not None
    told = [item for piece in later.history.recall() for item in piece]
    assert len(told) > 100
    for jobid, index, event, facets in told:
        assert facets == published[jobid, index, event.name]


@given(JOBS)
def test_the_events_of_a_job_keep_their_order(jobs: dict[int, list[float]]) -> None:
    told = recalled(history_of(jobs))
    for jobid, times in jobs.items():
        assert [index for known, index in told if known == jobid] == list(range(len(times)))


def test_events_come_in_the_order_of_their_times() -> None:
    told = recalled(history_of({2: [2.0, 5.0], 1: [1.0, 3.0, 6.0]}))
    assert told == [(1, 0), (2, 0), (1, 1), (2, 1), (1, 2)]


def test_equal_times_go_by_job_and_index() -> None:
    told = recalled(history_of({2: [1.0, 1.0], 1: [1.0, 1.0]}))
    assert told == [(1, 0), (1, 1), (2, 0), (2, 1)]


def test_a_time_that_steps_back_a_little_stays_behind_what_it_followed() -> None:
    history = history_of({1: [10.0, 8.0], 2: [9.5]})
    assert recalled(history) == [(1, 0), (1, 1), (2, 0)]
    assert not history.stepped


@pytest.mark.parametrize("jobs", [{1: [10.0, 4.0]}, {1: [10.0], 2: [4.0]}])
def test_a_time_that_steps_back_far_is_a_clock_that_did(jobs: dict[int, list[float]]) -> None:
    history = history_of(jobs)
    recalled(history)
    assert history.stepped


def test_a_backlog_that_begins_anew_is_collected_anew() -> None:
    history = history_of({1: [1.0], 2: [2.0], 3: [3.0]}, limit=1)
    history.clear()
    assert history.missing_until == 0.0
    assert recalled(history) == []


def run(channel: Channel, flux: Flux, todo: list[Step]) -> None:
    for step in todo:
        channel.feed(flux.step(step))
        channel.turns.turn()
    channel.turns.run()


@given(steps(20, FORWARD), steps(8, FORWARD), steps(8, FORWARD), st.integers(1, 60))
def test_events_go_on_across_a_restart(
    before: list[Step], between: list[Step], after: list[Step], limit: int
) -> None:
    """Check that from any frame on nothing is missed, or that the reader learns of it."""
    turns, flux = Turns(), Flux()
    with turns.running():
        first = Channel(turns)
        writer = FakeStreamWriter()
        first.subscribe(writer, "events")
        turns.run()
        run(first, flux, before)
        frames = parse(SSE, writer.data)
        for step in between:
            flux.step(step)
        second = Channel(turns, flux.backlog(), history=limit, max_events=limit)
        come_back = []
        for count in range(1, len(frames) + 1):
            reader, again = EventsReader(), FakeStreamWriter()
            reader.take(frames[:count])
            second.subscribe(again, "events", since=reader.cursor)
            come_back.append((reader, again))
        turns.run()
        run(second, flux, after)
        for reader, again in come_back:
            reader.take(parse(SSE, again.data))
            assert set(reader.resets) <= {"expired", "future"}
            if reader.resets:
                continue
            told: dict[str, list[int]] = {}
            for jobid, index, _ in dict.fromkeys(reader.told):
                if index is not None:
                    told.setdefault(jobid, []).append(index)
            assert {jobid: len(told[jobid]) for jobid in second.rows()} == {
                jobid: row["revision"] for jobid, row in second.rows().items()
            }
            assert all(indexes == list(range(len(indexes))) for indexes in told.values())


@given(steps(20), steps(5))
def test_rows_begin_anew_after_a_restart_and_the_proofs_agree(
    before: list[Step], after: list[Step]
) -> None:
    turns, flux = Turns(), Flux()
    with turns.running():
        first = Channel(turns)
        writer, reader = FakeStreamWriter(), JobsReader()
        old = first.subscribe(writer)
        turns.run()
        run(first, flux, before)
        reader.take(parse(SSE, writer.data))
        second = Channel(turns, flux.backlog())
        again = FakeStreamWriter()
        new = second.subscribe(again, since=reader.cursor)
        turns.run()
        assert second.proof(new) == first.proof(old)
        run(second, flux, after)
        reader.take(parse(SSE, again.data))
        assert reader.resets == ["epoch"]
        assert reader.rows == second.rows()


def events_since(channel: Channel, since: str) -> EventsReader:
    writer, reader = FakeStreamWriter(), EventsReader()
    channel.subscribe(writer, "events", since=since)
    channel.turns.run()
    reader.take(parse(SSE, writer.data))
    return reader


def test_a_clock_that_stepped_back_in_the_backlog_is_told() -> None:
    turns, flux = Turns(), Flux()
    with turns.running():
        first = Channel(turns)
        run(first, flux, [("submit", 0, 0.0), ("memo", 0, 0.0), ("memo", 0, -60.0)])
        second = Channel(turns, flux.backlog())
        assert events_since(second, first.buffer.cursor.decode()).resets == ["clock"]


def test_a_cursor_from_after_a_step_misses_nothing_though_no_eventlog_shows_the_step() -> None:
    turns, flux = Turns(), Flux()
    with turns.running():
        first = Channel(turns)
        run(first, flux, [("submit", 0, 0.0), ("submit", 0, 1.0), ("urgency", 0, 500.0)])
        run(first, flux, [("urgency", 1, -400.0)])
        cursor = first.buffer.cursor.decode()
        flux.step(("urgency", 1, 1.0))
        reader = events_since(Channel(turns, flux.backlog()), cursor)
        assert not reader.resets
        assert ("f3", 2, "urgency") in reader.told


def test_jobs_that_are_recalled_but_were_dropped_are_gone() -> None:
    turns, flux = Turns(), Flux()
    with turns.running():
        for _ in range(3):
            flux.submit()
            flux.happen(flux.last, "clean")
        channel = Channel(turns, flux.backlog(), max_inactive=1)
        reader = events_since(channel, "0")
        assert {jobid for jobid, _, name in reader.told if name == "gone"} == {"f2", "f3"}
        assert set(channel.rows()) == {"f4"}


def test_events_beyond_the_buffer_are_missing() -> None:
    turns, flux = Turns(), Flux()
    with turns.running():
        for _ in range(40):
            flux.now += 1.0
            flux.submit()
        channel = Channel(turns, flux.backlog(), max_events=8)
        oldest = channel.buffer.entries[0].time
        old = f"{channel.buffer.epoch[:8]}99999999.1.{oldest}"
        assert events_since(channel, old).resets == ["expired"]


def test_the_past_comes_in_small_pieces_without_a_gap() -> None:
    history = history_of({jobid: [1.0 + jobid] * 10 for jobid in range(1, 1001)})
    table = Table(max_inactive=10, history=history)
    hub = Hub(table, EventLog(EventBuffer("e" * 16)))
    heads = [0]
    heads += [hub.buffer.head for _ in hub.start()]
    heads.append(hub.buffer.head)
    assert max(after - before for before, after in pairwise(heads)) <= 1024
    # Each event, and for each job that it is not there anymore.
    assert heads[-1] == 10 * 1000 + 1000
    times = [entry.time for entry in hub.buffer.entries]
    assert times == sorted(times)

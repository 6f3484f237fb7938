"""Snapshots: shared by readers that begin at different times while the table changes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluxapi.events import snapshot as snapshots
from fluxapi.events import views
from fluxapi.events.filters import ANY, Filter, Selection
from fluxapi.events.snapshot import Piece, Snapshot
from fluxapi.events.transport import wire
from fluxapi.table.query import JobQuery

from .channel import FILTERS, SSE, Channel, FakeStreamWriter, Flux, Step, Turns, steps
from .readers import JobsReader, parse

LARGE = {"text": "x" * 9000}


def populated(turns: Turns, flux: Flux, jobs: int, **options: Any) -> Channel:
    channel = Channel(turns, **options)
    channel.feed([flux.submit(f"n{number % 3}") for number in range(jobs)])
    return channel


def pieces_of(snapshot: Snapshot) -> list[Piece]:
    pieces = [snapshot.piece(None)]
    while pieces[-1].after is not None:
        pieces.append(snapshot.piece(pieces[-1].after))
    return pieces


@given(
    st.lists(st.tuples(steps(3), st.integers(0, 3)), min_size=3, max_size=12),
    st.sampled_from(FILTERS),
    st.sampled_from([10, 4096]),
    st.booleans(),
)
def test_readers_that_begin_at_different_times_all_end_with_the_table(
    doings: list[tuple[list[Step], int]], filter: Filter, shared: int, large: bool
) -> None:
    turns, flux = Turns(), Flux()
    with turns.running(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(views, "_MAX_SHARED_CHANGES", shared)
        channel = populated(turns, flux, 30)
        if large:
            channel.feed([flux.happen(jobid, "memo", LARGE) for jobid in range(1, 31)])
        else:
            patch.setattr(views, "PIECE_BYTES", 1500)
        readers = []
        for todo, come in doings:
            for _ in range(come):
                writer = FakeStreamWriter(0)
                readers.append((writer, channel.subscribe(writer, "jobs", filter)))
            for step in todo:
                channel.feed(flux.step(step))
            turns.turn()
            # One piece for every other one that waits for room.
            for writer, _ in readers[::2]:
                writer.resume(0)
        for writer, _ in readers:
            writer.resume()
        turns.run()
        for writer, subscription in readers:
            reader = JobsReader()
            reader.take(parse(SSE, writer.data))
            assert (reader.rows, reader.resets) == (channel.rows(filter), [])
            assert reader.proof == channel.proof(subscription)
            assert writer.late == []


def test_only_the_last_piece_has_a_cursor_and_only_the_first_begins() -> None:
    turns, flux = Turns(), Flux()
    with turns.running():
        channel = populated(turns, flux, 2000)
        writer = FakeStreamWriter()
        channel.subscribe(writer)
        turns.run()
        pieces = [frame for frame in parse(SSE, writer.data) if frame.kind == "snapshot"]
        assert len(pieces) > 5
        flags = [(it.body["first"], it.body["more"], bool(it.cursor)) for it in pieces]
        middle = [(False, True, False)] * (len(pieces) - 2)
        assert flags == [(True, True, False), *middle, (False, False, True)]


def test_an_empty_table_is_one_empty_piece() -> None:
    channel = Channel(Turns())
    (piece,) = pieces_of(Snapshot(channel.table, Selection(ANY), 0, b"c", 100))
    assert piece.body == b'"first":true,"more":false,"jobs":[]}'


@pytest.mark.parametrize("jobs", [1, 2, 3, 4, 6])
def test_the_walk_ends_wherever_the_last_job_is(jobs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "_MAX_SCANNED_JOBS", 2)
    channel = populated(Turns(), Flux(), jobs)
    pieces = pieces_of(Snapshot(channel.table, Selection(ANY), 0, b"c", 1 << 20))
    assert sum(piece.body.count(b'"revision":') for piece in pieces) == jobs
    assert [piece.cursor for piece in pieces] == [b""] * (len(pieces) - 1) + [b"c"]


def test_a_filter_that_lets_nothing_through_still_ends() -> None:
    channel = populated(Turns(), Flux(), 2500)
    selection = Selection(Filter(JobQuery(name="none*")))
    assert b'"more":false' in pieces_of(Snapshot(channel.table, selection, 0, b"c", 100))[-1].body


def test_a_snapshot_that_is_too_slow_for_the_removals_begins_anew() -> None:
    turns, flux = Turns(), Flux()
    with turns.running():
        channel = populated(turns, flux, 400, max_gone=10)
        writer, reader = FakeStreamWriter(0), JobsReader()
        channel.subscribe(writer)
        turns.run()
        channel.feed([flux.purge(*range(300, 350))])
        writer.resume()
        turns.run()
        reader.take(parse(SSE, writer.data))
        assert reader.resets == ["overflow"]
        assert reader.rows == channel.rows()


def test_readers_of_one_moment_share_the_pieces() -> None:
    turns, flux = Turns(), Flux()
    with turns.running():
        channel = populated(turns, flux, 400)
        writers = [FakeStreamWriter() for _ in range(3)]
        first, second, third = (channel.subscribe(writer) for writer in writers)
        assert first.walk is not None
        assert second.walk is not None
        assert first.walk[0] is second.walk[0]
        channel.feed(
            [flux.happen(1, "memo", {"n": n}) for n in range(views._MAX_SHARED_CHANGES + 1)]
        )
        late = channel.subscribe(FakeStreamWriter())
        assert late.walk is not None
        assert late.walk[0] is not first.walk[0]
        assert third.walk is not None


def test_only_the_newest_two_snapshots_keep_pieces() -> None:
    """Check that slow readers of snapshots do not each hold a copy of the table."""
    turns, flux = Turns(), Flux()
    with turns.running():
        channel = populated(turns, flux, 400)
        slow = FakeStreamWriter(0)
        subscription = channel.subscribe(slow)
        turns.run()
        assert subscription.walk is not None
        old = subscription.walk[0]
        others = []
        for _ in range(2):
            assert len(old._pieces) == 1
            channel.feed(
                [flux.happen(1, "memo", {"n": n}) for n in range(views._MAX_SHARED_CHANGES + 1)]
            )
            others.append(channel.subscribe(FakeStreamWriter(0)))
            turns.run()
        assert old._pieces == {}
        slow.resume(0)
        turns.run()
        assert old._pieces == {}
        kept = [other.walk[0]._pieces for other in others if other.walk is not None]
        assert [len(pieces) for pieces in kept] == [1, 1]


def test_a_piece_is_kept_compressed_for_few_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    deflate = wire._deflate

    def noted(payload: bytes) -> bytes:
        made.append(len(payload))
        return deflate(payload)

    monkeypatch.setattr(wire, "_deflate", noted)
    piece = Piece(b"", b'"jobs":[%b]}' % (b'"x",' * 5000 + b'"x"'), None)
    wires = [wire.WebSocketText(f"label {number}", deflate=True) for number in range(8)]
    for each in (*wires, *wires):
        piece.data(each)
    # All are compressed once, and those that are not kept a second time.
    assert len(made) == 8 + 4


def test_a_large_piece_is_kept_as_it_is_for_one_label(monkeypatch: pytest.MonkeyPatch) -> None:
    framed: list[bytes] = []

    def noted(_first: int, payload: bytes) -> bytes:
        framed.append(payload)
        return payload

    monkeypatch.setattr(wire, "_frame", noted)
    piece = Piece(b"", b'"jobs":[%b]}' % (b'"x",' * 5000 + b'"x"'), None)
    first, second = wire.WebSocketText("first"), wire.WebSocketText("second")
    for each in (first, second, first, second):
        assert b'"sub":"%b"' % each.label.encode() in piece.data(each)
    # The other one is made each time, so that labels do not multiply the memory of a piece.
    assert len(framed) == 1 + 2

"""Readers of the hub that are slow, come, go and come back while everything changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fluxapi.events import change_log, digest, due_groups, hub, snapshot, views
from fluxapi.events import cursor as cursors
from fluxapi.events.buffer import RESETS
from fluxapi.events.fanout import Subscription
from fluxapi.events.filters import ANY, Filter

from .channel import FILTERS, SSE, Channel, FakeStreamWriter, Flux, Step, Turns, steps
from .readers import EventsReader, JobsReader, parse

ROOM = st.one_of(st.none(), st.integers(0, 3000))


@dataclass
class Client:
    """One connection, and what its reader made of it."""

    stream: str
    filter: Filter
    writer: FakeStreamWriter
    subscription: Subscription
    reader: Any
    since: int = 0

    def read(self) -> Any:
        """Take in what has come since."""
        self.reader.take(parse(SSE, self.writer.data))
        self.writer.writes.clear()
        return self.reader


def number(text: str) -> int:
    """Return the number of a cursor."""
    cursor = cursors.parse(text)
    assert cursor is not None
    return cursor.seq


class SlowReaders(RuleBasedStateMachine):
    """Readers of both streams; beside them one of events for each filter that never leaves."""

    buffer_events = 65_536
    max_gone = 100_000
    max_inactive = 1_000_000

    @initialize(filters=st.lists(st.sampled_from(FILTERS), min_size=1, max_size=3, unique=True))
    def begin(self, filters: list[Filter]) -> None:
        self.turns, self.flux = Turns(), Flux()
        self.running = self.turns.running()
        self.running.__enter__()
        self.channel = Channel(
            self.turns,
            max_events=self.buffer_events,
            max_gone=self.max_gone,
            max_inactive=self.max_inactive,
        )
        self.filters = filters
        self.clients: list[Client] = []
        self.away: list[Client] = []
        self.stayed = {
            filter: self.connect("events", filter) for filter in dict.fromkeys((ANY, *filters))
        }
        self.turns.run()
        self.publish([("submit", number, 0.0) for number in range(6)], 5)

    def connect(self, stream: str, filter: Filter, since: str | None = None) -> Client:
        writer = FakeStreamWriter()
        subscription = self.channel.subscribe(writer, stream, filter, since)
        reader = EventsReader() if stream == "events" else JobsReader()
        return Client(stream, filter, writer, subscription, reader)

    @rule(todo=steps(8), size=st.integers(1, 5))
    def publish(self, todo: list[Step], size: int) -> None:
        messages = [message for step in todo for message in self.flux.step(step)]
        for start in range(0, len(messages), size):
            self.channel.feed(messages[start : start + size])

    @rule()
    def turn(self) -> None:
        self.turns.turn()

    @rule()
    def lose_and_find_the_journal(self) -> None:
        """Start over with a backlog, the only source of the events of the meantime."""
        self.channel.hub.set_lost(1.0)
        for step in (("submit", 1, 0.0), ("life", 0, 0.0), ("purge", 0, 0.0)):
            self.flux.step(step)
        self.channel.table.begin_replay()
        backlog = self.flux.backlog()
        half = len(backlog) // 2
        self.channel.feed(backlog[:half])
        self.turns.turn()
        self.channel.feed(backlog[half:])
        self.channel.hub.set_lost(None)

    @rule(which=st.integers(0, 9), stream=st.sampled_from(["events", "jobs"]), room=ROOM)
    def come(self, which: int, stream: str, room: int | None) -> None:
        filter = self.filters[which % len(self.filters)]
        client = self.connect(stream, filter)
        client.since = self.channel.buffer.head
        client.writer.room = room
        self.clients.append(client)

    @precondition(lambda self: self.clients)
    @rule(which=st.integers(0, 9))
    def go(self, which: int) -> None:
        client = self.clients.pop(which % len(self.clients))
        self.channel.hub.unsubscribe(client.subscription)
        client.read()
        self.away.append(client)

    @precondition(lambda self: self.away)
    @rule(which=st.integers(0, 9), room=ROOM)
    def come_back(self, which: int, room: int | None) -> None:
        old = self.away.pop(which % len(self.away))
        if old.reader.cursor is None:
            return
        client = self.connect(old.stream, old.filter, old.reader.cursor)
        client.reader, client.since = old.reader, old.since
        client.writer.room = room
        self.clients.append(client)

    @precondition(lambda self: self.clients)
    @rule(which=st.integers(0, 9))
    def pause(self, which: int) -> None:
        self.clients[which % len(self.clients)].writer.pause()

    @precondition(lambda self: self.clients)
    @rule(which=st.integers(0, 9), room=ROOM)
    def resume(self, which: int, room: int | None) -> None:
        self.clients[which % len(self.clients)].writer.resume(room)

    @invariant()
    def nothing_is_written_without_room(self) -> None:
        for client in getattr(self, "clients", ()):
            assert client.writer.late == []

    def teardown(self) -> None:
        if not hasattr(self, "running"):
            return
        try:
            self.come_to_rest()
        finally:
            self.running.__exit__(None, None, None)

    def come_to_rest(self) -> None:
        for client in self.clients:
            client.writer.resume()
        self.turns.run()
        for client in self.clients:
            client.read()
            check = self.check_events if client.stream == "events" else self.check_rows
            check(client)
        self.check_that_events_tell_the_table()
        for client in (*self.clients, *self.stayed.values()):
            self.channel.hub.unsubscribe(client.subscription)
        self.turns.run()
        assert self.channel.is_clean()

    def check_events(self, client: Client) -> None:
        stayed = self.stayed[client.filter].read()
        (everything,) = stayed.runs
        if not client.reader.resets:
            told = zip(stayed.told, everything, strict=True)
            assert client.reader.told == [it for it, at in told if number(at) > client.since]
        for run in client.reader.runs[1:]:
            start = everything.index(run[0]) if run else 0
            assert run == everything[start : start + len(run)]
        last = client.reader.runs[-1]
        assert last == everything[len(everything) - len(last) :]
        assert set(client.reader.resets) <= self.allowed

    def check_that_events_tell_the_table(self) -> None:
        """Check that a reader with all events knows the jobs and the lengths of their eventlogs."""
        revisions: dict[str, int] = {}
        for jobid, index, name in self.stayed[ANY].read().told:
            if name == "gone":
                del revisions[jobid]
            elif index is not None:
                assert index == revisions.get(jobid, 0)
                revisions[jobid] = index + 1
        rows = self.channel.rows()
        assert revisions == {jobid: row["revision"] for jobid, row in rows.items()}

    def check_rows(self, client: Client) -> None:
        assert client.reader.rows == self.channel.rows(client.filter)
        assert client.reader.proof == self.channel.proof(client.subscription)
        assert set(client.reader.resets) <= self.allowed

    allowed: frozenset[str] = frozenset()


class ShortMemory(SlowReaders):
    """The same where the past is soon forgotten."""

    buffer_events = 24
    max_gone = 2
    max_inactive = 3
    allowed = frozenset({"overflow", "expired"})


class Patched(SlowReaders):
    """The same with other limits."""

    limits: tuple[tuple[Any, str, int], ...] = ()

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        for module, name, value in self.limits:
            self.patch.setattr(module, name, value)

    def teardown(self) -> None:
        try:
            super().teardown()
        finally:
            self.patch.undo()


class SmallPieces(Patched):
    """The same where hardly anything fits into one piece, one slice or one segment."""

    limits = (
        (views, "PIECE_BYTES", 500),
        (views, "_MAX_SCANNED", 4),
        (views, "_MAX_SHARED_CHANGES", 12),
        (hub, "PIECE_BYTES", 500),
        (snapshot, "_MAX_SCANNED_JOBS", 3),
        (digest, "_SLICE_JOBS", 3),
        (change_log, "_SEGMENT_ENTRIES", 4),
    )


class FewWrites(Patched):
    """The same where a group has two subscribers, and each waits for a pass of its own."""

    limits = (
        (hub, "_MAX_GROUP_SUBSCRIBERS", 2),
        (hub, "MAX_WRITES_PER_PASS", 0),
        (due_groups, "MAX_WRITES_PER_PASS", 1),
    )


TestSlowReaders = SlowReaders.TestCase
TestShortMemory = ShortMemory.TestCase
TestSmallPieces = SmallPieces.TestCase
TestFewWrites = FewWrites.TestCase
for case in (TestSlowReaders, TestShortMemory, TestSmallPieces, TestFewWrites):
    case.settings = settings(stateful_step_count=40)


BAD_CURSORS = {
    "unknown": "garbage",
    "instance": "99999999" + "2" * 8 + ".1.1000000000",
    "epoch": "1" * 8 + "33333333.1.1000000000",
    "future": "1" * 8 + "2" * 8 + ".99.1000000000",
}


@pytest.mark.parametrize("reason", BAD_CURSORS)
def test_rows_are_whole_wherever_a_reader_was_cut_off_after_a_reset(reason: str) -> None:
    turns, flux = Turns(), Flux()
    with turns.running():
        channel = Channel(turns, epoch="1" * 8 + "2" * 8)
        channel.feed([flux.submit() for _ in range(3)])
        writer = FakeStreamWriter()
        channel.subscribe(writer, "jobs", since=BAD_CURSORS[reason])
        turns.run()
        frames = parse(SSE, writer.data)
        assert [frame.kind for frame in frames] == ["reset", "snapshot", "bookmark"]
        assert frames[0].body == {"reason": reason, "detail": RESETS[reason]}
        for count in range(1, len(frames) + 1):
            reader, again = JobsReader(), FakeStreamWriter()
            reader.cursor = BAD_CURSORS[reason]
            reader.take(frames[:count])
            channel.subscribe(again, "jobs", since=reader.cursor)
            turns.run()
            reader.take(parse(SSE, again.data))
            assert reader.rows == channel.rows()

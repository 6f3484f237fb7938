"""Thousands of filters, opened and closed at once: each costs itself alone."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from fluxapi.errors import TooManyRequests
from fluxapi.events import digests, due_groups
from fluxapi.events.bookmarks import Bookmarks
from fluxapi.events.catchup import CatchUp
from fluxapi.events.digest import ViewDigest
from fluxapi.events.fanout import Subscription
from fluxapi.events.filter_limits import FilterLimits
from fluxapi.events.filters import ANY, read_filter
from fluxapi.events.heartbeat import Heartbeat
from fluxapi.events.transport.wire import WebSocketText
from fluxapi.events.views import EventsView
from tests.events.channel import SSE, Channel, FakeStreamWriter, Flux, Turns

FILTERS = 2000


@pytest.fixture
def turns() -> Iterator[Turns]:
    turns = Turns()
    with turns.running():
        yield turns


def test_a_reader_that_leaves_looks_at_no_other(
    turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Unlooked(dict[object, object]):
        def values(self) -> Any:
            raise AssertionError("It looks at all of them.")

        def items(self) -> Any:
            raise AssertionError("It looks at all of them.")

        def __iter__(self) -> Any:
            raise AssertionError("It looks at all of them.")

    channel = Channel(turns)
    held = [
        channel.subscribe(FakeStreamWriter(), "jobs", read_filter({"name": f"n{number}"}))
        for number in range(FILTERS)
    ]
    turns.run()
    monkeypatch.setattr(channel.hub, "groups", Unlooked(channel.hub.groups))
    monkeypatch.setattr(channel.hub, "_views", Unlooked(channel.hub._views))
    for subscription in held:
        channel.hub.unsubscribe(subscription)
    assert channel.is_clean()


def test_a_turn_ends_though_many_begin(turns: Turns, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, walked = count(0), []
    monkeypatch.setattr("fluxapi.events.catchup.time.perf_counter", lambda: next(clock) / 1000)
    walk_on = ViewDigest.walk_on

    def counted(digest: ViewDigest) -> bool:
        walked.append(digest)
        return walk_on(digest)

    monkeypatch.setattr(ViewDigest, "walk_on", counted)
    channel = Channel(turns)
    writers = [FakeStreamWriter() for _ in range(FILTERS)]
    for number, writer in enumerate(writers):
        channel.subscribe(writer, "jobs", read_filter({"name": f"n{number}"}))
    turns.turn()
    assert 0 < len(walked) < 10
    turns.run(FILTERS)
    assert all(writer.writes for writer in writers)


def test_clients_take_turns_to_catch_up(turns: Turns, monkeypatch: pytest.MonkeyPatch) -> None:
    served, serve = [], CatchUp._serve

    def noted(self: CatchUp, subscription: Subscription) -> None:
        served.append(subscription.client)
        serve(self, subscription)

    monkeypatch.setattr(CatchUp, "_serve", noted)
    channel = Channel(turns)
    for client, filters in (("many", 50), ("one", 1)):
        for number in range(filters):
            wanted = read_filter({"name": f"{client}{number}"})
            channel.hub.subscribe(
                FakeStreamWriter(),
                "jobs",
                wanted,
                SSE,
                on_end=lambda _: None,
                client=client,
            )
    turns.run()
    assert served.index("one") == 1
    assert served.count("many") >= 50


def test_an_event_is_shown_to_those_only_who_follow_its_job(
    turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    flux, channel = Flux(), Channel(turns)
    channel.feed([flux.submit(), flux.submit()])
    ids = sorted(channel.rows())
    writers = [FakeStreamWriter() for _ in ids]
    for jobid, writer in zip(ids, writers, strict=True):
        channel.subscribe(writer, "events", read_filter({"id": [jobid]}))
    turns.run()
    for writer in writers:
        writer.writes.clear()
    applied: list[ViewDigest] = []
    monkeypatch.setattr(ViewDigest, "apply", lambda digest, _: applied.append(digest))
    channel.feed([flux.happen(flux.last, "validate")])
    assert [bool(writer.writes) for writer in writers] == [False, True]
    assert len(applied) == 1


class Clock:
    """A clock of which each look takes a millisecond, once it runs."""

    def __init__(self) -> None:
        self.runs = False
        self._now = count()

    def perf_counter(self) -> float:
        return next(self._now) / 1000 if self.runs else 0.0


def followed(channel: Channel, turns: Turns, stream: str = "jobs") -> list[FakeStreamWriter]:
    """Follow many filters, each of which matches all jobs by another pattern."""
    writers = [FakeStreamWriter() for _ in range(100)]
    for number, writer in enumerate(writers):
        channel.subscribe(writer, stream, read_filter({"name": "*" * (number % 9), "event": []}))
    for number, writer in enumerate(writers):
        channel.subscribe(writer, stream, read_filter({"user": f"{number}"}))
    turns.run(1000)
    for writer in writers:
        writer.writes.clear()
    return writers


def test_changes_are_applied_to_digests_in_turns(
    turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    flux, channel, clock = Flux(), Channel(turns), Clock()
    monkeypatch.setattr(digests, "time", clock)
    followed(channel, turns)
    applied: list[ViewDigest] = []
    apply = ViewDigest.apply

    def counted(digest: ViewDigest, rows: Any) -> None:
        applied.append(digest)
        apply(digest, rows)

    monkeypatch.setattr(ViewDigest, "apply", counted)
    clock.runs = True
    channel.feed([flux.submit()])
    assert 0 < len(applied) < 10
    channel.feed([flux.submit()])
    assert len(applied) < 10
    turns.run(1000)
    views = len(channel.hub._views)
    assert views > 100
    assert len(applied) == 2 * views
    assert not channel.hub._digests._batches


def test_a_digest_that_lacks_too_much_counts_anew(
    turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    flux, channel, clock = Flux(), Channel(turns), Clock()
    monkeypatch.setattr(digests, "time", clock)
    monkeypatch.setattr(digests, "_MAX_ROWS", 2)
    followed(channel, turns)
    clock.runs = True
    for _ in range(9):
        channel.feed([flux.submit()])
        assert channel.hub._digests._rows <= 2
    turns.run(2000)
    filter = read_filter({"user": "1000"})
    fresh = channel.subscribe(FakeStreamWriter(), "jobs", filter)
    turns.run(100)
    proofs = [channel.proof(it) for held in list(channel.hub.writers.values()) for it in held]
    assert all(proof["count"] in {0, 9} for proof in proofs)
    assert {proof["digest"] for proof in proofs if proof["count"]} <= {
        f"{channel.table.digest:08x}"
    }
    assert channel.proof(fresh)["count"] in {0, 9}


def test_filters_that_are_due_are_tested_in_turns(
    turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    flux, channel, clock = Flux(), Channel(turns), Clock()
    monkeypatch.setattr(due_groups, "time", clock)
    monkeypatch.setattr("fluxapi.events.hub.MAX_WRITES_PER_PASS", 0)
    followed(channel, turns)
    channel.feed([flux.submit()])
    due = len(channel.hub._due)
    assert due > 100
    clock.runs = True
    channel.hub._due.serve()
    assert due - 10 < len(channel.hub._due) < due
    turns.run(1000)
    assert not channel.hub._due


def test_bookmarks_of_many_filters_are_sent_in_turns(
    turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel, clock = Channel(turns), Clock()
    followed(channel, turns)
    monkeypatch.setattr("fluxapi.events.bookmarks.time", clock)
    clock.runs = True
    told: list[object] = []
    bookmarks = Bookmarks(told.append)
    bookmarks.send(channel.hub.groups.values())
    assert 0 < len(told) < 10
    turns.run(1000)
    assert len(told) == len(channel.hub.groups) > 100


def test_others_run_between_the_bookmarks_of_a_second(turns: Turns) -> None:
    channel = Channel(turns)
    followed(channel, turns)
    steps = sum(1 for _ in Heartbeat(channel.hub).beat())
    assert steps == len(channel.hub.groups) > 100


def test_a_client_follows_so_many_filters(turns: Turns) -> None:
    channel = Channel(turns)
    hub, wire = channel.hub, channel.subscribe(FakeStreamWriter()).group.wire
    hub._limits = FilterLimits(max_filters=16, max_ids=40)

    def follow(client: str, **fields: Any) -> Any:
        filter = read_filter(fields)
        hub.check_filter("jobs", filter, client)
        return hub.subscribe(FakeStreamWriter(), "jobs", filter, wire, on_end=print, client=client)

    held = [follow("a", name=f"n{number}") for number in range(4)]
    with pytest.raises(TooManyRequests) as caught:
        follow("a", name="another")
    assert caught.value.headers["Retry-After"]
    # A filter that somebody follows already does not count, nor does a stream without one.
    held += [follow("a", name="n0"), follow("a")]
    held += [follow("b", name="n4"), follow("b", id=["f1", "f2"])]
    with pytest.raises(TooManyRequests):
        follow("c", id=[f"f{number}" for number in "123456789AB"])
    # Though some clients have all they may have, there is some for the next one.
    for name in ("c0", "c1", "d0"):
        held.append(follow(name[0], name=name))
    for client in "abcd":
        with pytest.raises(TooManyRequests):
            follow(client, name="more")
    held.append(follow("e", name="e"))
    for subscription in held:
        hub.unsubscribe(subscription)
    assert not hub._limits._filters.shares.used
    assert not hub._limits._ids.used
    follow("a", name="another")


def test_a_client_has_so_many_subscriptions_with_names_of_their_own(turns: Turns) -> None:
    channel = Channel(turns)
    hub = channel.hub
    hub._limits = FilterLimits(max_groups=16)

    def follow(client: str, label: str) -> Any:
        wire = WebSocketText(label)
        hub.check_filter("events", ANY, client, wire)
        return hub.subscribe(
            FakeStreamWriter(), "events", ANY, wire, on_end=lambda _: None, client=client
        )

    held = [follow("a", f"s{number}") for number in range(4)]
    with pytest.raises(TooManyRequests) as caught:
        follow("a", "another")
    assert caught.value.headers["Retry-After"]
    # One with the name of another subscription costs next to nothing.
    held += [follow("a", "s0"), follow("b", "another"), follow("a", "another")]
    for subscription in held:
        hub.unsubscribe(subscription)
    assert not hub._limits._groups.shares.used
    hub.unsubscribe(follow("a", "another"))


def test_a_subscription_that_fails_leaves_nothing(
    turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> int:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(EventsView, "begin", broken)
    channel = Channel(turns)
    with pytest.raises(ZeroDivisionError):
        channel.hub.subscribe(
            FakeStreamWriter(),
            "events",
            read_filter({"id": ["f1", "f2"]}),
            SSE,
            on_end=lambda _: None,
            client="somebody",
        )
    assert channel.is_clean()
    limits = channel.hub._limits
    assert limits._ids.used == limits._filters.shares.used == 0

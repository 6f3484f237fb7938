"""Thousands of filters, opened and closed at once: each costs itself alone."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from fluxapi.events.digest import ViewDigest
from fluxapi.events.filters import read_filter
from tests.events.channel import Channel, FakeOutlet, Flux, Turns

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
        channel.subscribe(FakeOutlet(), "jobs", read_filter({"name": f"n{number}"}))
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

    def counted(tally: ViewDigest) -> bool:
        walked.append(tally)
        return walk_on(tally)

    monkeypatch.setattr(ViewDigest, "walk_on", counted)
    channel = Channel(turns)
    outlets = [FakeOutlet() for _ in range(FILTERS)]
    for number, outlet in enumerate(outlets):
        channel.subscribe(outlet, "jobs", read_filter({"name": f"n{number}"}))
    turns.turn()
    assert 0 < len(walked) < 10
    turns.run(FILTERS)
    assert all(outlet.writes for outlet in outlets)


def test_an_event_is_shown_to_those_only_who_follow_its_job(
    turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    flux, channel = Flux(), Channel(turns)
    channel.feed([flux.submit(), flux.submit()])
    ids = sorted(channel.rows())
    outlets = [FakeOutlet() for _ in ids]
    for jobid, outlet in zip(ids, outlets, strict=True):
        channel.subscribe(outlet, "events", read_filter({"id": [jobid]}))
    turns.run()
    for outlet in outlets:
        outlet.writes.clear()
    applied: list[ViewDigest] = []
    monkeypatch.setattr(ViewDigest, "apply", lambda tally, _: applied.append(tally))
    channel.feed([flux.happen(flux.last, "validate")])
    assert [bool(outlet.writes) for outlet in outlets] == [False, True]
    assert len(applied) == 1

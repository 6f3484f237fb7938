"""Groups that are due: thousands of subscribers get an event in more than one pass."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fluxapi.events import bookmarks, due_groups, hub
from fluxapi.events.views import EventsView

from .channel import SSE, Channel, FakeStreamWriter, Flux, Turns
from .readers import parse

SUBSCRIBERS = 6


class Crowd:
    """Six subscribers in three groups, of which a pass of the event loop serves one."""

    def __init__(self, turns: Turns) -> None:
        self.turns, self.flux = turns, Flux()
        self.channel = Channel(turns)
        self.channel.feed([self.flux.submit()])
        self.ended: list[str] = []
        self.writers = [self.join() for _ in range(SUBSCRIBERS)]

    def join(self, stream: str = "events", until: int | None = None) -> FakeStreamWriter:
        writer = FakeStreamWriter()
        self.channel.subscribe(writer, stream, until=until, on_end=self.ended.append)
        self.turns.run()
        return writer

    def happen(self, name: str) -> None:
        self.channel.feed([self.flux.happen(1, name)])

    def told(self, writer: FakeStreamWriter) -> list[str]:
        return [it.body["name"] for it in parse(SSE, writer.data) if it.kind == "event"]

    @property
    def served(self) -> list[int]:
        """Return how many events each subscriber has got."""
        return [len(self.told(writer)) for writer in self.writers]


@pytest.fixture
def crowd(monkeypatch: pytest.MonkeyPatch) -> Iterator[Crowd]:
    monkeypatch.setattr(hub, "_MAX_GROUP_SUBSCRIBERS", 2)
    for module in (hub, due_groups):
        monkeypatch.setattr(module, "MAX_WRITES_PER_PASS", 1)
    # A machine under load may take longer for one bookmark.
    monkeypatch.setattr(bookmarks, "_MAX_TURN_S", 60.0)
    turns = Turns()
    with turns.running():
        yield Crowd(turns)


def test_other_tasks_run_between_the_writes_of_one_event(crowd: Crowd) -> None:
    crowd.happen("validate")
    assert crowd.served == [1, 1, 0, 0, 0, 0]
    crowd.turns.turn()
    assert crowd.served == [1, 1, 1, 1, 0, 0]
    crowd.turns.turn()
    assert crowd.served == [1] * SUBSCRIBERS
    assert not crowd.turns.turn()


def test_changes_in_the_meantime_are_written_in_order_and_once(crowd: Crowd) -> None:
    for name in ("validate", "depend", "priority"):
        crowd.happen(name)
    crowd.turns.run()
    assert crowd.served == [3] * SUBSCRIBERS
    assert {tuple(crowd.told(writer)) for writer in crowd.writers} == {
        ("validate", "depend", "priority")
    }


def test_groups_of_one_stream_share_what_is_encoded(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, replay = [], EventsView.replay

    def counted(view: EventsView, seq: int) -> object:
        calls.append(seq)
        return replay(view, seq)

    monkeypatch.setattr(EventsView, "replay", counted)
    crowd.happen("validate")
    crowd.turns.run()
    assert len(calls) == 1


def test_a_bookmark_comes_after_what_it_covers(crowd: Crowd) -> None:
    crowd.happen("validate")
    crowd.channel.hub.set_lost(1.0)
    for writer in crowd.writers:
        kinds = [it.kind for it in parse(SSE, writer.data)]
        assert kinds[-2:] == ["event", "bookmark"]


def test_a_subscriber_that_arrives_meanwhile_gets_nothing_twice(crowd: Crowd) -> None:
    crowd.channel.hub.unsubscribe(
        next(iter(crowd.channel.hub.writers[crowd.writers.pop()])),
    )
    crowd.happen("validate")
    crowd.channel.subscribe(late := FakeStreamWriter(), "events")
    crowd.turns.run()
    assert crowd.told(late) == []
    crowd.happen("depend")
    crowd.turns.run()
    assert crowd.told(late) == ["depend"]
    assert crowd.served == [2] * (SUBSCRIBERS - 1)


def test_the_last_event_of_a_job_comes_before_the_end_of_its_stream(crowd: Crowd) -> None:
    writer = crowd.join(until=1)
    crowd.happen("clean")
    assert crowd.told(writer) == ["clean"]
    assert crowd.ended == ["clean"]


def test_a_full_socket_gets_later_what_its_group_was_due(crowd: Crowd) -> None:
    last = crowd.writers[-1]
    crowd.happen("validate")
    last.pause()
    crowd.turns.run()
    assert crowd.served == [1] * (SUBSCRIBERS - 1) + [0]
    last.resume()
    crowd.turns.run()
    assert crowd.served == [1] * SUBSCRIBERS


def test_figures_are_pushed_in_turns(crowd: Crowd) -> None:
    watchers = [crowd.join("stats") for _ in range(4)]
    for writer in watchers:
        writer.writes.clear()
    view = crowd.channel.hub.stats
    view.rate(1.0, 0.0)
    crowd.channel.hub.push(view)
    assert [len(writer.writes) for writer in watchers] == [1, 1, 0, 0]
    crowd.turns.run()
    view.rate(2.0, 0.0)
    crowd.channel.hub.push(view)
    crowd.turns.run()
    for writer in watchers:
        rates = [it.body["events_per_second"] for it in parse(SSE, writer.data)]
        assert rates == [1.0, 2.0]


def test_a_group_that_is_left_is_due_no_more(crowd: Crowd) -> None:
    crowd.happen("validate")
    held = crowd.channel.hub.writers
    for subscription in [one for writer in crowd.writers for one in held[writer]]:
        crowd.channel.hub.unsubscribe(subscription)
    crowd.turns.run()
    assert crowd.channel.is_clean()
    assert not crowd.channel.hub._due

"""The stream of the tree of instances, under clients that are slow, new, or come back."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from fluxapi.events import tree_view
from fluxapi.events.cursor import new_epoch
from fluxapi.events.transport.wire import ServerSentEvents

from .channel import INSTANCE, Channel, FakeStreamWriter, Turns
from .readers import parse

SSE = ServerSentEvents(chunked=False)


class Reader:
    """A client: the instances that it holds, by path."""

    def __init__(self, channel: Channel, since: str | None = None, room: int | None = None) -> None:
        self.instances: dict[str, Any] = {}
        self.cursor = since
        self.bookmarks = 0
        self.resets: list[str] = []
        self.kinds: list[str] = []
        self.writer = FakeStreamWriter(room)
        self.subscription = channel.subscribe(self.writer, "instances", since=since, wire=SSE)
        self._channel = channel

    def read(self) -> Reader:
        """Take in what has come since."""
        for kind, cursor, data in parse(SSE, self.writer.data):
            self.kinds.append(kind)
            self.cursor = cursor or self.cursor
            if kind == "instance":
                self.instances[data["instance"]["path"]] = data["instance"]
            elif kind == "instance-gone":
                self.instances.pop(data["path"], None)
            elif kind == "reset":
                self.resets.append(data["reason"])
                self.instances.clear()
            elif kind == "bookmark":
                self.bookmarks += 1
        self.writer.writes.clear()
        return self

    def leave(self) -> str:
        """Disconnect, and return the cursor."""
        self._channel.hub.unsubscribe(self.subscription)
        return self.read().cursor or ""


@pytest.fixture
def turns() -> Iterator[Turns]:
    turns = Turns()
    with turns.running():
        yield turns


@pytest.fixture
def channel(turns: Turns) -> Channel:
    return Channel(turns)


def tree(*paths: str, **members: Any) -> dict[str, dict[str, Any]]:
    """Return the records of these instances."""
    return {path: {"path": path, "depth": 0, "state": "closed", **members} for path in paths}


def publish(channel: Channel, records: dict[str, dict[str, Any]]) -> None:
    channel.hub.publish_tree(records)
    channel.turns.run()


def test_a_client_waits_for_the_tree_and_then_gets_what_changes(channel: Channel) -> None:
    reader = Reader(channel)
    channel.turns.run()
    assert channel.hub.is_tree_followed
    assert reader.read().kinds == []
    publish(channel, tree("", "fA"))
    assert reader.read().kinds == ["instance", "instance", "bookmark"]
    publish(channel, tree("", "fA"))
    assert len(reader.read().kinds) == 3, "nothing has changed"
    now = {**tree("", "fB"), **tree("fA", state="ready")}
    publish(channel, now)
    assert reader.read().kinds[3:] == ["instance", "instance"]
    assert reader.instances == now
    publish(channel, tree(""))
    assert sorted(reader.read().instances) == [""]
    reader.leave()
    assert not channel.hub.is_tree_followed


def test_a_client_that_comes_back_gets_only_what_has_changed(channel: Channel) -> None:
    reader = Reader(channel)
    publish(channel, tree("", "fA", "fB", "fC"))
    cursor = reader.leave()
    channel.hub.tree.is_known = False
    back = Reader(channel, cursor)
    channel.turns.run()
    publish(channel, {**tree("", "fA", "fD"), **tree("fC", state="ready")})
    assert sorted(back.read().kinds) == ["bookmark", "instance", "instance", "instance-gone"]
    assert sorted(back.instances) == ["fC", "fD"]
    assert back.resets == []


def test_a_cursor_that_leads_nowhere_begins_anew(
    channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tree_view, "MAX_INSTANCES", 2)
    first = Reader(channel)
    publish(channel, tree("", "fA"))
    old = first.leave()
    for number in range(5):
        publish(channel, tree("", f"f{number}"))
    instance, process = INSTANCE, channel.hub.tree.cursor.decode()[8:16]
    for cursor, reason in (
        ("nonsense", "unknown"),
        (f"{new_epoch('00000000')}.1.0", "instance"),
        (f"{new_epoch(instance)}.1.0", "epoch"),
        (f"{instance}{process}.99999.0", "future"),
        (old, "expired"),
        (channel.buffer.cursor.decode(), "epoch"),
    ):
        reader = Reader(channel, cursor)
        channel.turns.run()
        assert reader.read().resets == [reason], cursor
        assert sorted(reader.instances) == ["", "f4"]
        assert reader.bookmarks == 1
        reader.leave()


@pytest.mark.parametrize("seed", range(20))
def test_slow_clients_end_with_the_tree(channel: Channel, seed: int) -> None:
    """Check clients whose sockets are full at any time, with pieces and few that have gone."""
    chance = random.Random(seed)  # noqa: S311 - a test
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tree_view, "MAX_INSTANCES", 5)
        patch.setattr(tree_view, "_PIECE_BYTES", 300)
        readers: list[Reader] = []
        now: dict[str, dict[str, Any]] = {}
        for step in range(150):
            chosen = chance.random()
            if chosen < 0.2 or not readers:
                since = chance.choice([None, *(reader.cursor for reader in readers)])
                readers.append(Reader(channel, since, chance.randint(0, 2000)))
                if since is not None:
                    # It was the client that the cursor is from.
                    other = next(it for it in readers if it.cursor == since)
                    readers[-1].instances = dict(other.instances)
            elif chosen < 0.5:
                chance.choice(readers).writer.resume(chance.randint(0, 2000))
            elif chosen < 0.6:
                channel.turns.turn()
            else:
                paths = [f"f{number}" for number in range(12) if chance.random() < 0.6]
                now = {path: {"path": path, "step": chance.choice([0, step])} for path in paths}
                channel.hub.publish_tree(now)
            for reader in readers:
                reader.read()
        channel.hub.publish_tree(now)
        for reader in readers:
            reader.writer.resume()
        channel.turns.run()
        for reader in readers:
            assert reader.read().instances == now
            assert reader.bookmarks
            assert reader.writer.late == []


def test_a_bookmark_of_the_tree_has_its_cursor(channel: Channel) -> None:
    reader = Reader(channel)
    publish(channel, tree(""))
    (bookmark,) = (it for it in parse(SSE, reader.writer.data) if it.kind == "bookmark")
    assert bookmark.cursor == channel.hub.tree.cursor.decode()
    assert "digest" not in json.dumps(bookmark.body)

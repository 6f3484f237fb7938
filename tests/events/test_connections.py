from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, NamedTuple
from unittest.mock import Mock

import pytest

from fluxapi.errors import TooManyStreams
from fluxapi.events.transport.connections import Connections


def nothing(_cause: str) -> None:
    pass


class Lease(NamedTuple):
    expires: float | None = None
    grants: frozenset[str] = frozenset()


def test_there_are_at_most_as_many_as_the_limit() -> None:
    connections = Connections(1)
    with connections.hold(nothing):
        with pytest.raises(TooManyStreams, match=r"limit of open streams is reached \(1\): close"):
            connections.check()
        with pytest.raises(TooManyStreams), connections.hold(nothing):
            pass
        assert len(connections) == 1
    connections.check()


def test_the_last_tenth_is_for_clients_with_few() -> None:
    connections = Connections(200)
    with ExitStack() as opened:
        for _ in range(180):
            opened.enter_context(connections.hold(nothing, None, ("peer", "greedy")))
        with pytest.raises(TooManyStreams):
            connections.check(("peer", "greedy"))
        for _ in range(16):
            opened.enter_context(connections.hold(nothing, None, ("peer", "other")))
        with pytest.raises(TooManyStreams):
            connections.check(("peer", "other"))
        for number in range(4):
            opened.enter_context(connections.hold(nothing, None, ("peer", f"third {number}")))
        with pytest.raises(TooManyStreams):
            connections.check(("peer", "fourth"))
    connections.check(("peer", "greedy"))


def test_a_connection_that_fails_is_removed() -> None:
    connections = Connections(1)
    with pytest.raises(ZeroDivisionError), connections.hold(nothing):
        raise ZeroDivisionError
    assert len(connections) == 0


def test_all_end_with_the_service_though_they_go_within_the_call() -> None:
    connections = Connections(10)
    ended: list[int] = []
    holds = [connections.hold(lambda _, number=number: end(number)) for number in range(3)]  # type: ignore[misc]

    def end(number: int) -> None:
        ended.append(number)
        holds[number].__exit__(None, None, None)

    for hold in holds:
        hold.__enter__()
    connections.close()
    assert (ended, len(connections)) == ([0, 1, 2], 0)


def test_a_connection_during_the_shutdown_ends_at_once() -> None:
    connections = Connections(1)
    connections.close()
    ended: list[str] = []
    with connections.hold(ended.append):
        assert ended == ["shutdown"]


def test_a_revoked_grant_ends_its_streams_only() -> None:
    connections = Connections(10)
    ended: list[str] = []
    with (
        connections.hold(lambda cause: ended.append(f"a {cause}"), Lease(None, frozenset({"a"}))),
        connections.hold(lambda cause: ended.append(f"b {cause}"), Lease(None, frozenset({"b"}))),
        connections.hold(lambda cause: ended.append(f"owner {cause}")),
    ):
        connections.revoke("a")
        assert ended == ["a expired"]


def test_a_stream_that_was_admitted_before_its_grant_was_revoked_ends_at_once() -> None:
    connections = Connections(10)
    connections.revoke("a")
    ended: list[str] = []
    with connections.hold(ended.append, Lease(None, frozenset({"a", "b"}))):
        assert ended == ["expired"]


def test_new_credentials_replace_the_grants_of_a_stream() -> None:
    connections = Connections(10)
    ended: list[str] = []
    with connections.hold(ended.append, Lease(None, frozenset({"a"}))) as held:
        held.renew(Lease(None, frozenset({"b"})))
        connections.revoke("a")
        assert ended == []
        connections.revoke("b")
        assert ended == ["expired"]


class Clock:
    """The clock of the system, that of the loop, and the calls that the loop was asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall, self.loop = 1000.0, 50.0
        self.calls: list[tuple[float, Callable[..., None], tuple[Any, ...]]] = []
        monkeypatch.setattr(time, "time", lambda: self.wall)
        monkeypatch.setattr(asyncio, "get_running_loop", lambda: self)

    def time(self) -> float:
        return self.loop

    def call_later(self, delay: float, call: Callable[..., None], *given: Any) -> Mock:
        self.calls.append((delay, call, given))
        return Mock()

    def run(self) -> None:
        delay, call, given = self.calls.pop()
        self.loop += delay
        call(*given)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_a_stream_ends_with_its_credentials_though_the_clock_is_set_back(clock: Clock) -> None:
    ended: list[str] = []
    with Connections(1).hold(ended.append, Lease(1100.0)):
        clock.wall -= 3600
        clock.run()
        assert ended == []
        clock.run()
        assert ended == ["expired"]


def test_a_stream_ends_within_a_minute_of_a_clock_that_is_set_forward(clock: Clock) -> None:
    ended: list[str] = []
    with Connections(1).hold(ended.append, Lease(10_000.0)):
        clock.wall += 100_000
        assert clock.calls[-1][0] <= 60
        clock.run()
        assert ended == ["expired"]


def test_credentials_without_an_end_need_no_timer(clock: Clock) -> None:
    with Connections(1).hold(nothing, Lease()):
        assert clock.calls == []

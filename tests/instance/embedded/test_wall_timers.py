"""The timers of `begin-time`, on a clock that is set."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import cast

import pytest

from fluxapi.instance.embedded.wall_timers import WallTimers


class Handle:
    """A timer of the fake loop."""

    def __init__(self, delay: float, call: Callable[[], None]) -> None:
        self.delay = delay
        self.call = call
        self.canceled = False

    def cancel(self) -> None:
        self.canceled = True


class Clocks:
    """A wall clock that is set by hand, and a loop whose timers run when they are told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall = 1_000.0
        self.handles: list[Handle] = []
        monkeypatch.setattr(time, "time", lambda: self.wall)
        self.timers = WallTimers(cast("asyncio.AbstractEventLoop", self))

    def call_later(self, delay: float, call: Callable[[], None]) -> Handle:
        self.handles.append(Handle(delay, call))
        return self.handles[-1]

    @property
    def pending(self) -> list[Handle]:
        return [handle for handle in self.handles if not handle.canceled]

    def fire(self) -> float:
        """Run the one timer of the loop; return its delay."""
        (handle,) = self.pending
        handle.canceled = True
        handle.call()
        return handle.delay


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    return Clocks(monkeypatch)


def test_a_clock_that_is_set_forward_is_noticed_within_half_a_minute(clocks: Clocks) -> None:
    done: list[str] = []
    clocks.timers.call_at(1e9, partial(done.append, "begun"))
    assert clocks.fire() == 30
    assert done == []
    clocks.wall = 1e9
    assert clocks.fire() == 30
    assert done == ["begun"]
    assert clocks.pending == []


def test_a_clock_that_is_set_back_delays_the_call(clocks: Clocks) -> None:
    done: list[str] = []
    clocks.timers.call_at(1_010, partial(done.append, "begun"))
    clocks.wall = 990
    assert clocks.fire() == 10
    assert done == []
    clocks.wall = 1_010
    assert clocks.fire() == 20
    assert done == ["begun"]


def test_the_earliest_comes_first_and_the_past_at_once(clocks: Clocks) -> None:
    done: list[int] = []
    for moment in (1_020, 1_010, 1_015, 5):
        clocks.timers.call_at(moment, partial(done.append, moment))
    assert clocks.fire() == 0
    clocks.wall = 1_016
    clocks.fire()
    assert done == [5, 1_010, 1_015]
    assert [handle.delay for handle in clocks.pending] == [4]


def test_a_canceled_call_keeps_nothing(clocks: Clocks) -> None:
    timer = clocks.timers.call_at(2_000, partial(pytest.fail, "it was canceled"))
    timer.cancel()
    timer.cancel()
    assert clocks.pending == []


def test_others_run_between_the_calls_of_one_moment(clocks: Clocks) -> None:
    done: list[int] = []
    for number in range(100):
        clocks.timers.call_at(1_000, partial(done.append, number))
    clocks.fire()
    assert 0 < len(done) < 100
    while clocks.pending:
        assert clocks.fire() == 0
    assert done == [*range(100)]


def test_a_call_that_raises_does_not_stop_the_others(clocks: Clocks) -> None:
    done: list[str] = []
    clocks.timers.call_at(1_000, partial([1].remove, 0))
    clocks.timers.call_at(1_000, partial(done.append, "the other"))
    with pytest.raises(ValueError, match="not in list"):
        clocks.fire()
    clocks.fire()
    assert done == ["the other"]

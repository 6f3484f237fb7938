"""How often the tree of instances is checked, of which there may be thousands."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import Any

import pytest

from fluxapi.sessions import follower
from fluxapi.sessions.follower import ChildFollower


class Slow(ChildFollower):
    """Its checks keep the processor for some seconds each."""

    def __init__(self, seconds: list[float]) -> None:
        children: Any = SimpleNamespace(limits=SimpleNamespace(open=16))
        unused: Any = None
        super().__init__(unused, children, unused, unused, 16)
        self._seconds = seconds
        self.now = 0.0

    async def look(self) -> float | None:
        self.now += self._seconds.pop()
        self._news.set()
        return None


async def test_a_long_check_is_followed_by_a_longer_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Slow([100.0, 0.5, 0.001])
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if not slow._seconds:
            raise EOFError

    slow._news.set()
    clock = SimpleNamespace(thread_time=lambda: slow.now, monotonic=time.monotonic)
    monkeypatch.setattr(follower, "time", clock)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    with pytest.raises(EOFError):
        await slow.run()
    assert pauses == [follower._MIN_PAUSE_S, pytest.approx(5.0), 10.0]

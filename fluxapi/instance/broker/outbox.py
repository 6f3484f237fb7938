"""The queue of results from a thread to the event loop."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

__all__ = ["Outbox"]

_MAX_CALLS_PER_PASS = 16
"""Calls in one pass of the event loop; each may resume a handler for about 0.1 ms."""


class Outbox:
    """A queue of ``function(argument)`` calls that the event loop makes, in order."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._posted: list[tuple[Callable[[Any], None], Any]] = []
        # Only the event loop uses the following attributes.
        self._due: deque[tuple[Callable[[Any], None], Any]] = deque()

    def post(self, function: Callable[[Any], None], argument: Any) -> None:
        """Add a call of ``function(argument)`` for the next :meth:`hand_over`."""
        self._posted.append((function, argument))

    def hand_over(self) -> bool:
        """Pass the posted calls to the event loop; return whether there were any."""
        if not self._posted:
            return False
        posted, self._posted = self._posted, []
        try:
            self._loop.call_soon_threadsafe(self._take, posted)
        except RuntimeError:
            # The loop is closed, so there are no callers.
            return False
        return True

    def _take(self, posted: list[tuple[Callable[[Any], None], Any]]) -> None:
        idle = not self._due
        self._due.extend(posted)
        if idle:
            self._deliver()

    def _deliver(self) -> None:
        try:
            for _ in range(min(_MAX_CALLS_PER_PASS, len(self._due))):
                function, argument = self._due.popleft()
                function(argument)
        finally:
            # A bug in one of them must not keep all others back.
            if self._due:
                self._loop.call_soon(self._deliver)

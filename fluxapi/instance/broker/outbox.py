"""Results on their way from a thread to the event loop: many in one turn, but not too many."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

__all__ = ["Outbox"]

_TURN = 16
"""Calls made in one pass of the event loop: each may let a handler go on, for some 0.1 ms."""


class Outbox:
    """Collects ``function(argument)`` calls and has the event loop make them, in order."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._posted: list[tuple[Callable[[Any], None], Any]] = []
        # From here on only the event loop's own.
        self._due: deque[tuple[Callable[[Any], None], Any]] = deque()

    def post(self, function: Callable[[Any], None], argument: Any) -> None:
        """Have ``function(argument)`` called by the next :meth:`hand_over`."""
        self._posted.append((function, argument))

    def hand_over(self) -> bool:
        """Give what was posted to the event loop; whether there was any."""
        if not self._posted:
            return False
        posted, self._posted = self._posted, []
        try:
            self._loop.call_soon_threadsafe(self._take, posted)
        except RuntimeError:
            # The loop is closed: nobody waits any more.
            return False
        return True

    def _take(self, posted: list[tuple[Callable[[Any], None], Any]]) -> None:
        idle = not self._due
        self._due.extend(posted)
        if idle:
            self._deliver()

    def _deliver(self) -> None:
        for _ in range(min(_TURN, len(self._due))):
            function, argument = self._due.popleft()
            function(argument)
        if self._due:
            self._loop.call_soon(self._deliver)

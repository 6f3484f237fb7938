"""Once a second: marks to those whose turn it is, and an end to those who take nothing."""

from __future__ import annotations

import asyncio
import time

from .hub import Hub
from .outlet import Outlet

__all__ = ["Pulse"]

_SECOND = 1.0

MARK_EVERY = 15
"""Seconds from one mark to the next."""

STALLED = 10.0
"""Seconds after which a reader that has taken nothing is let go."""


class Pulse:
    """Runs for as long as the service does; an idle second costs a look at nobody."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._task: asyncio.Task[None] | None = None
        self._seconds = 0
        self._stuck: dict[Outlet, tuple[int, float]] = {}

    async def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run(), name="pulse")

    async def close(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_SECOND)
            self.beat(time.monotonic())

    def beat(self, now: float) -> None:
        """One second has gone by; ``now`` is a monotonic time."""
        self._seconds += 1
        due = self._seconds % MARK_EVERY
        for feed in list(self._hub.feeds.values()):
            mark = b""
            for subscription in list(feed.subscribers):
                # Spread over the seconds: not everybody at once.
                if id(subscription) // 64 % MARK_EVERY == due:
                    mark = mark or self._hub.mark(feed)
                    subscription.outlet.write(mark)
        self._let_go(now)

    def _let_go(self, now: float) -> None:
        stuck: dict[Outlet, tuple[int, float]] = {}
        for outlet in list(self._hub.outlets):
            if not outlet.paused:
                continue
            unsent = outlet.unsent
            size, since = self._stuck.get(outlet, (unsent, now))
            stuck[outlet] = (unsent, since if unsent == size else now)
            if unsent == size and now - since >= STALLED:
                del stuck[outlet]
                self._hub.end(outlet, "stalled")
        self._stuck = stuck

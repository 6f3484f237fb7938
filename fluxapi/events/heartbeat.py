"""Bookmarks and heartbeats at intervals, which keep idle connections open."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Protocol

from fluxapi.process.background import BackgroundTask
from fluxapi.process.timeslice import TimeSlice

from .hub import Hub

__all__ = ["BOOKMARK_INTERVAL_S", "Heartbeat"]

_BEAT_INTERVAL_S = 1.0

BOOKMARK_INTERVAL_S = 15
"""Seconds from one bookmark, or heartbeat, to the next."""


class Streams(Protocol):
    """Streams without bookmarks."""

    def beat(self) -> None:
        """Write a heartbeat, so that proxies keep idle connections open."""


class Heartbeat(BackgroundTask):
    """The task that sends the bookmarks of a hub, and the heartbeats of other streams."""

    def __init__(self, hub: Hub, *others: Streams) -> None:
        super().__init__("heartbeat")
        self._hub = hub
        self._others = others
        self._seconds = 0

    async def run(self) -> None:
        """Send due bookmarks and heartbeats, once a second."""
        while True:
            await asyncio.sleep(_BEAT_INTERVAL_S)
            turn = TimeSlice()
            for _ in self.beat():
                await turn.share()

    def beat(self) -> Iterator[None]:
        """Send the bookmarks and heartbeats of one second; other tasks may run after each step."""
        self._seconds += 1
        due = self._seconds % BOOKMARK_INTERVAL_S
        for streams in self._others if not due else ():
            streams.beat()
        for group in list(self._hub.groups.values()):
            bookmark = b""
            for subscription in list(group.subscribers):
                # Bookmarks are spread over the seconds of the interval.
                if id(subscription) // 64 % BOOKMARK_INTERVAL_S == due:
                    bookmark = bookmark or self._hub.bookmark(group)
                    subscription.writer.write(bookmark)
            yield

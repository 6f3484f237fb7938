"""Once a second: send bookmarks that are due, and disconnect clients that have stalled."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection
from typing import Protocol

from fluxapi.events.transport.stream_writer import StreamWriter

from .hub import Hub

__all__ = ["Liveness"]

_log = logging.getLogger(__name__)

_BEAT_INTERVAL_S = 1.0

BOOKMARK_INTERVAL_S = 15
"""Seconds from one bookmark, or heartbeat, to the next."""

STALL_TIMEOUT_S = 10.0
"""Seconds without progress after which a slow client is disconnected."""


class Streams(Protocol):
    """Another writer to clients, with its own subscriptions."""

    @property
    def writers(self) -> Collection[StreamWriter]:
        """Return the connections that it writes to."""

    def end(self, writer: StreamWriter, reason: str) -> None:
        """End all subscriptions of a connection."""

    def beat(self) -> None:
        """Write a heartbeat, so that proxies keep idle connections open."""


class Liveness:
    """The task that sends bookmarks and heartbeats and disconnects stalled clients."""

    def __init__(self, hub: Hub, *others: Streams) -> None:
        self._hub = hub
        self._others = others
        self._task: asyncio.Task[None] | None = None
        self._seconds = 0
        self._stalled: dict[StreamWriter, tuple[int, float]] = {}

    async def start(self) -> None:
        """Start the task."""
        self._task = asyncio.create_task(self._run(), name="liveness")

    async def close(self) -> None:
        """Stop the task."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_BEAT_INTERVAL_S)
            try:
                self.beat(time.monotonic())
            except Exception:  # noqa: BLE001 - the task must go on, or clients take the service for dead
                _log.exception("a beat failed")

    def beat(self, now: float) -> None:
        """Do the work of one second; ``now`` is a monotonic time."""
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
        self._let_go(now)

    def _let_go(self, now: float) -> None:
        stalled: dict[StreamWriter, tuple[int, float]] = {}
        holders: tuple[Hub | Streams, ...] = (self._hub, *self._others)
        for writer in {writer for holder in holders for writer in holder.writers}:
            if not writer.paused:
                continue
            unsent = writer.unsent
            size, since = self._stalled.get(writer, (unsent, now))
            stalled[writer] = (unsent, since if unsent == size else now)
            if unsent == size and now - since >= STALL_TIMEOUT_S:
                del stalled[writer]
                for holder in holders:
                    holder.end(writer, "stalled")
        self._stalled = stalled

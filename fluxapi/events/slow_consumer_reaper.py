"""Disconnects clients that take no data, since their unsent bytes stay in memory."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from typing import Protocol

from fluxapi.events.transport.stream_writer import StreamWriter
from fluxapi.process.background import BackgroundTask

__all__ = ["STALL_TIMEOUT_S", "SlowConsumerReaper"]

_CHECK_INTERVAL_S = 1.0

STALL_TIMEOUT_S = 10.0
"""Seconds without progress after which a slow client is disconnected."""


class Streams(Protocol):
    """A writer to clients, with its own subscriptions."""

    @property
    def writers(self) -> Collection[StreamWriter]:
        """Return the connections that it writes to."""

    def end(self, writer: StreamWriter, reason: str) -> None:
        """End all subscriptions of a connection."""


class SlowConsumerReaper(BackgroundTask):
    """The task that ends all subscriptions of connections whose readers have stalled."""

    def __init__(self, *streams: Streams) -> None:
        super().__init__("slow consumer reaper")
        self._streams = streams
        self._stalled: dict[StreamWriter, tuple[int, float]] = {}
        """The unsent bytes of each full connection, and the time since which they are the same."""

    async def run(self) -> None:
        """Check once a second."""
        while True:
            await asyncio.sleep(_CHECK_INTERVAL_S)
            self.check(time.monotonic())

    def check(self, now: float) -> None:
        """End what has stalled; ``now`` is a monotonic time."""
        stalled: dict[StreamWriter, tuple[int, float]] = {}
        for writer in {writer for streams in self._streams for writer in streams.writers}:
            if not writer.paused:
                continue
            unsent = writer.unsent
            size, since = self._stalled.get(writer, (unsent, now))
            stalled[writer] = (unsent, since if unsent == size else now)
            if unsent == size and now - since >= STALL_TIMEOUT_S:
                del stalled[writer]
                for streams in self._streams:
                    streams.end(writer, "stalled")
        self._stalled = stalled

"""Once a second: marks to those whose turn it is, and an end to those who take nothing."""

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

_SECOND = 1.0

BOOKMARK_INTERVAL_S = 15
"""Seconds from one mark, or sign of life, to the next."""

STALLED = 10.0
"""Seconds after which a reader that has taken nothing is let go."""


class Streams(Protocol):
    """What else writes to readers, in its own way."""

    @property
    def writers(self) -> Collection[StreamWriter]:
        """The connections that it writes to."""

    def end(self, writer: StreamWriter, reason: str) -> None:
        """End what it writes to a connection."""

    def beat(self) -> None:
        """Write what means nothing, so that idle connections are kept open."""


class Liveness:
    """Runs for as long as the service does; an idle second costs a look at nobody."""

    def __init__(self, hub: Hub, *others: Streams) -> None:
        self._hub = hub
        self._others = others
        self._task: asyncio.Task[None] | None = None
        self._seconds = 0
        self._stuck: dict[StreamWriter, tuple[int, float]] = {}

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
            try:
                self.beat(time.monotonic())
            except Exception:  # noqa: BLE001 - without the next beats nobody would know that we live
                _log.exception("a beat failed")

    def beat(self, now: float) -> None:
        """One second has gone by; ``now`` is a monotonic time."""
        self._seconds += 1
        due = self._seconds % BOOKMARK_INTERVAL_S
        for streams in self._others if not due else ():
            streams.beat()
        for group in list(self._hub.groups.values()):
            mark = b""
            for subscription in list(group.subscribers):
                # Spread over the seconds: not everybody at once.
                if id(subscription) // 64 % BOOKMARK_INTERVAL_S == due:
                    mark = mark or self._hub.bookmark(group)
                    subscription.writer.write(mark)
        self._let_go(now)

    def _let_go(self, now: float) -> None:
        stuck: dict[StreamWriter, tuple[int, float]] = {}
        holders: tuple[Hub | Streams, ...] = (self._hub, *self._others)
        for writer in {writer for holder in holders for writer in holder.writers}:
            if not writer.paused:
                continue
            unsent = writer.unsent
            size, since = self._stuck.get(writer, (unsent, now))
            stuck[writer] = (unsent, since if unsent == size else now)
            if unsent == size and now - since >= STALLED:
                del stuck[writer]
                for holder in holders:
                    holder.end(writer, "stalled")
        self._stuck = stuck

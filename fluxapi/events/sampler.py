"""Samples of the figures of an instance, taken while somebody looks."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Any

from .hub import Hub

__all__ = ["Sampler"]

_EVERY = 0.5
"""Seconds between two samples: what a person can follow."""

_STALE = 5.0
"""Seconds after which figures that did not change are sent again."""

_WINDOW = 4
"""Samples over which rates are taken."""


class Sampler:
    """Takes samples while somebody looks; otherwise it sleeps."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._sample(), name="stats")

    async def close(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _is_watched(self) -> bool:
        view = self._hub.stats
        return any(feed.view is view for feed in self._hub.groups.values())

    async def _sample(self) -> None:
        view = self._hub.stats
        samples: deque[tuple[float, int, int]] = deque(maxlen=_WINDOW + 1)
        shown: dict[str, Any] = {}
        shown_at = 0.0
        while True:
            now = time.monotonic()
            samples.append((now, view.events, view.submissions))
            view.is_watched = self._is_watched()
            if view.is_watched and len(samples) > 1:
                began, events, submissions = samples[0]
                seconds = now - began
                view.rate(
                    (view.events - events) / seconds, (view.submissions - submissions) / seconds
                )
                body = view.body()
                if body != shown or now - shown_at >= _STALE:
                    shown, shown_at = body, now
                    self._hub.push(view)
            await asyncio.sleep(_EVERY)

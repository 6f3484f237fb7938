"""Samples of the figures of an instance, taken while a client watches."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Any

from fluxapi.process.background import BackgroundTask

from .hub import Hub

__all__ = ["Sampler"]

_SAMPLE_INTERVAL_S = 0.5
"""Time between two samples, short enough for a person who watches."""

_RESEND_INTERVAL_S = 5.0
"""Time after which unchanged figures are sent again."""

_WINDOW_SAMPLES = 4
"""Samples over which rates are computed."""


class Sampler(BackgroundTask):
    """The task that takes samples while a client watches, and sends them."""

    def __init__(self, hub: Hub) -> None:
        super().__init__("sampler")
        self._hub = hub

    def _is_watched(self) -> bool:
        view = self._hub.stats
        return any(group.view is view for group in self._hub.groups.values())

    async def run(self) -> None:
        """Take a sample at each interval."""
        view = self._hub.stats
        samples: deque[tuple[float, int, int]] = deque(maxlen=_WINDOW_SAMPLES + 1)
        shown: dict[str, Any] = {}
        shown_at = 0.0
        while True:
            now = time.monotonic()
            samples.append((now, view.events, view.submissions))
            view.is_watched = self._is_watched()
            if len(samples) > 1:
                # They are kept current for the next client, which sees them first.
                began, events, submissions = samples[0]
                seconds = now - began
                view.rate(
                    (view.events - events) / seconds, (view.submissions - submissions) / seconds
                )
            if view.is_watched and len(samples) > 1:
                body = view.body()
                if body != shown or now - shown_at >= _RESEND_INTERVAL_S:
                    shown, shown_at = body, now
                    self._hub.push(view)
            await asyncio.sleep(_SAMPLE_INTERVAL_S)

"""Figures of the instance, live: jobs by state and result, nodes, cores, rates."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import msgspec

from .batch import Batch
from .filters import ANY, Selection
from .ring import Ring
from .table import Table
from .tally import Tally

if TYPE_CHECKING:
    from .hub import Hub
    from .views import Message, View

__all__ = ["Sampler", "StatsView"]

_EVERY = 0.5
"""Seconds between two samples: what a person can follow."""

_STALE = 5.0
"""Seconds after which figures that did not change are sent again."""

_WINDOW = 4
"""Samples over which rates are taken."""

_encoder = msgspec.json.Encoder()


class StatsView:
    """The latest figures; nobody needs those before."""

    has_digest = False

    def __init__(self, table: Table, ring: Ring) -> None:
        self.tally = Tally(table, Selection(ANY))
        self.ids: frozenset[int] | None = None
        self.events = 0
        self.submissions = 0
        self.is_watched = False
        """Whether anybody follows the figures."""
        self.nodes: dict[str, Any] | None = None
        self.queues: list[dict[str, Any]] | None = None
        """As the :class:`~fluxapi.events.situation.Observer` found them last."""
        self._table = table
        self._ring = ring
        self._rates = (0.0, 0.0)

    def count(self, batch: Batch) -> None:
        """Count what was published."""
        for entry in batch.entries:
            if entry.kind == "event":
                self.events += 1
                self.submissions += entry.name == "submit"

    def rate(self, events: float, submissions: float) -> None:
        """What a second brings at the moment."""
        self._rates = (round(events, 1), round(submissions, 1))

    def body(self) -> dict[str, Any]:
        """The figures: as ``GET /stats``, with rates, nodes and queues."""
        events, submissions = self._rates
        return {
            **self._table.stats(),
            "events_per_second": events,
            "submissions_per_second": submissions,
            "nodes": self.nodes,
            "queues": self.queues,
        }

    def news(self, batch: Batch) -> list[Message]:  # noqa: ARG002 - a view
        """Nothing: figures are pushed by the clock."""
        return []

    def past(self, seq: int) -> tuple[list[Message], int]:  # noqa: ARG002 - a view
        """The figures of now."""
        return [("stats", b"", _encoder.encode(self.body())[1:])], self._ring.head

    def begin(self, since: str | None) -> int:  # noqa: ARG002 - a view
        """Before everything: the figures of now are yet to come."""
        return -1

    def begin_anew(self) -> int:
        """The same."""
        return -1


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
        view: View = self._hub.stats
        return any(feed.view is view for feed in self._hub.feeds.values())

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

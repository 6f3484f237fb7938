"""Figures of the instance, live: jobs by state and result, nodes, cores, rates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from fluxapi.table.table import Table

from .buffer import EventBuffer
from .digest import ViewDigest
from .event_log import Batch
from .filters import ANY, Selection

if TYPE_CHECKING:
    from .views import Message

__all__ = ["StatsView"]

_encoder = msgspec.json.Encoder()


class StatsView:
    """The latest figures; nobody needs those before."""

    has_digest = False

    def __init__(self, table: Table, buffer: EventBuffer) -> None:
        self.digest = ViewDigest(table, Selection(ANY))
        self.ids: frozenset[int] | None = None
        self.events = 0
        self.submissions = 0
        self.is_watched = False
        """Whether anybody follows the figures."""
        self.nodes: dict[str, Any] | None = None
        self.queues: list[dict[str, Any]] | None = None
        """As the :class:`~fluxapi.sessions.situation.SituationMonitor` found them last."""
        self._table = table
        self._buffer = buffer
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

    def live(self, batch: Batch) -> list[Message]:  # noqa: ARG002 - a view
        """Nothing: figures are pushed by the clock."""
        return []

    def replay(self, seq: int) -> tuple[list[Message], int]:  # noqa: ARG002 - a view
        """The figures of now."""
        return [("stats", b"", _encoder.encode(self.body())[1:])], self._buffer.head

    def begin(self, since: str | None) -> int:  # noqa: ARG002 - a view
        """Before everything: the figures of now are yet to come."""
        return -1

    def restart(self) -> int:
        """The same."""
        return -1

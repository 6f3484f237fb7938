"""Live figures of the instance: jobs by state and result, nodes, cores, rates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
    """The stream of figures; only the latest are sent."""

    has_digest = False

    def __init__(self, table: Table, buffer: EventBuffer) -> None:
        self.digest = ViewDigest(table, Selection(ANY))
        self.ids: frozenset[int] | None = None
        self.events = 0
        self.submissions = 0
        self.is_watched = False
        """True while a client follows the figures."""
        self.nodes: dict[str, Any] | None = None
        self.queues: list[dict[str, Any]] | None = None
        """The last answers to the :class:`~fluxapi.sessions.situation.SituationMonitor`."""
        self.of_queues: Mapping[str, Mapping[str, Any]] = {}
        """The nodes, the cores and the first job in line of each queue, by its name."""
        self.instances: Callable[[], list[dict[str, Any]]] = list
        """Returns the jobs that are instances in which jobs failed."""
        self._table = table
        self._buffer = buffer
        self._rates = (0.0, 0.0)

    @property
    def head(self) -> int:
        """Return the number of the last change of the table."""
        return self._buffer.head

    @property
    def cursor(self) -> bytes:
        """Return the cursor of that number."""
        return self._buffer.cursor

    @property
    def told_queues(self) -> list[dict[str, Any]] | None:
        """Return the queues with everything else that is known about them."""
        if self.queues is None:
            return None
        return [{**queue, **self.of_queues.get(queue["name"], {})} for queue in self.queues]

    def count(self, batch: Batch) -> None:
        """Count the events and submissions of a batch."""
        for entry in batch.entries:
            if entry.kind == "event":
                self.events += 1
                self.submissions += entry.name == "submit"

    def rate(self, events: float, submissions: float) -> None:
        """Set the current rates per second."""
        self._rates = (round(events, 1), round(submissions, 1))

    def body(self) -> dict[str, Any]:
        """Return the figures of ``GET /stats`` with rates, nodes and queues."""
        events, submissions = self._rates
        instances = self.instances()
        return {
            **self._table.stats(),
            "events_per_second": events,
            "submissions_per_second": submissions,
            "nodes": self.nodes,
            "queues": self.told_queues,
            **({"instances": instances} if instances else {}),
        }

    def live(self, batch: Batch) -> list[Message]:  # noqa: ARG002 - a view
        """Return nothing: the sampler pushes figures at intervals."""
        return []

    def replay(self, seq: int) -> tuple[list[Message], int]:  # noqa: ARG002 - a view
        """Return the current figures."""
        return [("stats", b"", _encoder.encode(self.body())[1:])], self._buffer.head

    def begin(self, since: str | None) -> int:  # noqa: ARG002 - a view
        """Return a number before all others, so that the current figures are sent first."""
        return -1

    def restart(self) -> int:
        """Return the same as :meth:`begin`."""
        return -1

"""The counts of jobs in each queue, updated with every change."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import Any

from .index import Facets

__all__ = ["QueueCounts"]

_MAX_LISTED_QUEUES = 1000


class QueueCounts:
    """The number of jobs by queue and state, and by queue and result.

    A job in no queue is not counted, and a queue exists while the table has one of its jobs.
    """

    def __init__(self) -> None:
        self._states: dict[str, Counter[str]] = {}
        self._results: dict[str, Counter[str]] = {}

    def add(self, facets: Facets) -> None:
        """Count a job."""
        if facets.queue:
            self._states.setdefault(facets.queue, Counter())[facets.state] += 1
            if facets.result is not None:
                self._results.setdefault(facets.queue, Counter())[facets.result] += 1

    def remove(self, facets: Facets) -> None:
        """Stop counting a job, which had these facets."""
        if not facets.queue:
            return
        states = self._states[facets.queue]
        states[facets.state] -= 1
        if facets.result is not None:
            self._results[facets.queue][facets.result] -= 1
        if not any(states.values()):
            del self._states[facets.queue]
            self._results.pop(facets.queue, None)

    def record(self) -> dict[str, dict[str, Any]]:
        """Return ``states`` and ``results`` of each queue, of the first 1000 by name."""
        return {
            queue: {
                "states": {state: count for state, count in self._states[queue].items() if count},
                "results": {
                    result: count
                    for result, count in self._results.get(queue, Counter()).items()
                    if count
                },
            }
            for queue in islice(sorted(self._states), _MAX_LISTED_QUEUES)
        }

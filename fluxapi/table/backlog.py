"""The newest events of the first backlog, put into an order that a reader could have seen.

The backlog comes job by job in no order; the buffer of a service that has just begun must hold what
another one in front of the same instance published last.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import merge
from itertools import islice

from fluxapi.model.eventlog import UNINDEXED, Event, JournalMessage

from .index import Facets

__all__ = ["TOLERANCE", "BacklogBuffer", "Recalled"]

TOLERANCE = 5.0
"""Seconds by which times may run against the order of posting before the clock is to blame."""

Recalled = tuple[int, int | None, Event, Facets]
"""Job id, index of the event, the event, the facets of the job after it."""

_PIECE = 1024
"""Events to a piece: some 5 ms of work for those who publish them."""

_RUN = 4096
"""Events that are sorted in one go; a run takes some 10 ms."""

_Placed = tuple[float, int, int, Recalled]
"""Where an event belongs (by the first three), and what it is."""

_Job = tuple[float, int, list[Event], list[Facets]]
"""The time of its last event, its id, its events, the facets after each."""


class BacklogBuffer:
    """The jobs that changed last, of at most ``limit`` events."""

    def __init__(self, limit: int = 65_536) -> None:
        self.missing_until = 0.0
        """All events after this time are here; 0.0 when all events are."""
        self.stepped = False
        """Whether the clock of the instance stepped back, as far as the events show it."""
        self._limit = limit
        self._jobs: list[_Job] = []
        self._held = 0

    def wants(self, message: JournalMessage) -> bool:
        """Whether the job changed late enough to be kept."""
        return any(event.timestamp > self.missing_until for event in message.events)

    def add(self, jobid: int, events: list[Event], after: list[Facets]) -> None:
        """Keep a job that is wanted."""
        last = max(event.timestamp for event in events)
        self._jobs.append((last, jobid, events, after))
        self._held += len(events)
        if self._held > 2 * self._limit:
            self._prune()

    def _prune(self) -> None:
        self._jobs.sort(key=_last, reverse=True)
        while self._held > self._limit and self._jobs:
            last, _, events, _ = self._jobs.pop()
            self._held -= len(events)
            self.missing_until = max(self.missing_until, last)

    def clear(self) -> None:
        """The backlog comes again, from its beginning."""
        self._jobs.clear()
        self._held = 0
        self.missing_until = 0.0

    def recall(self) -> Iterator[list[Recalled]]:
        """All events, each job's in its own order, and forget them.

        They come in pieces, some of them empty: others may have their turn after each.

        A job's events are placed by the latest time so far in the job and in those submitted
        before it (job ids come from a clock that never steps back, RFC 19), so that a clock that
        stepped back puts nothing before what it followed.
        """
        self._prune()
        yield []
        self._jobs.sort(key=_id)
        yield []
        runs: list[list[_Placed]] = []
        placing = self._place()
        while run := list(islice(placing, _RUN)):
            run.sort(key=_place)
            runs.append(run)
            yield []
        self._jobs.clear()
        placed = merge(*runs, key=_place)
        while piece := [item[-1] for item in islice(placed, _PIECE)]:
            yield piece

    def _place(self) -> Iterator[_Placed]:
        floor = 0.0
        for _, jobid, events, after in self._jobs:
            time = floor = self._later(floor, events[0].timestamp)
            count = 0
            for place, (event, state) in enumerate(zip(events, after, strict=True)):
                time = self._later(time, event.timestamp)
                index = None if event.name in UNINDEXED else count
                count += index is not None
                yield time, jobid, place, (jobid, index, event, state)

    def _later(self, before: float, time: float) -> float:
        if time < before - TOLERANCE:
            self.stepped = True
        return max(before, time)


def _last(job: _Job) -> float:
    return job[0]


def _id(job: _Job) -> int:
    return job[1]


def _place(item: _Placed) -> tuple[float, int, int]:
    return item[:3]

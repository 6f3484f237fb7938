"""The newest events of the first backlog, in an order that a live reader could have seen.

The backlog arrives job by job, in arbitrary order. The event buffer of a new service must contain
the last events that another service of the same instance published.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from heapq import merge
from itertools import islice

import msgspec

from fluxapi.model.eventlog import UNINDEXED, Event
from fluxapi.model.fold import BAD_VALUE, apply
from fluxapi.model.job import Job

from .index import Facets, facets

__all__ = ["CLOCK_TOLERANCE_S", "BacklogBuffer", "Recalled"]

CLOCK_TOLERANCE_S = 5.0
"""Seconds by which timestamps may contradict the order of events; beyond that, the clock
stepped."""

Recalled = tuple[int, int | None, Event, Facets]
"""Job ID, index of the event, the event, the facets of the job after it."""

_BATCH_EVENTS = 1024
"""Events per batch: about 5 ms of work for the publisher."""

_RUN_EVENTS = 4096
"""Events that are sorted at once; this takes about 10 ms."""

_Placed = tuple[float, int, int, Recalled]
"""The sort key of an event (three items), and the event."""

_MAX_BYTES = 64 << 20
"""Memory of all events, which are kept decoded: a memo may have 64 KiB, and take much more."""

_VALUE_BYTES = 64

_Past = tuple[float, int, list[Event], Job, Job, int]
"""Time of the last event, job ID, events, the job before and after all of them, their memory."""

_encoder = msgspec.json.Encoder()


class BacklogBuffer:
    """A buffer of the most recently changed jobs.

    It has at most *limit* events in total, which take at most *max_bytes*.
    """

    def __init__(self, limit: int = 65_536, max_bytes: int = _MAX_BYTES) -> None:
        self.missing_until = 0.0
        """The buffer contains all events after this time; 0.0 if it contains all events."""
        self.stepped = False
        """True if the events show that the clock of the instance stepped back."""
        self._limit = limit
        self._jobs: list[_Past] = []
        self._held = 0
        self._max_bytes = max_bytes
        self._bytes = 0

    def wants(self, events: list[Event]) -> bool:
        """Return whether the job with these events changed recently enough to be kept."""
        since = self.missing_until
        for event in reversed(events):  # noqa: SIM110 - once for every job of the instance
            if event.timestamp > since:
                return True
        return False

    def add(self, before: Job, after: Job, events: list[Event]) -> None:
        """Add a job that :meth:`wants` accepts.

        Args:
            before: The job without events.
            after: The job with all of them.
            events: All events of the job.
        """
        size = _memory_of(events)
        self._jobs.append((_last_time(events), after.id, events, before, after, size))
        self._held += len(events)
        self._bytes += size
        if self._held > 2 * self._limit or self._bytes > 2 * self._max_bytes:
            self._prune()

    def _prune(self) -> None:
        self._jobs.sort(key=_last, reverse=True)
        while (self._held > self._limit or self._bytes > self._max_bytes) and self._jobs:
            last, _, events, _, _, size = self._jobs.pop()
            self._held -= len(events)
            self._bytes -= size
            self.missing_until = max(self.missing_until, last)

    def clear(self) -> None:
        """Drop all jobs, before the backlog is read again from its beginning."""
        self._jobs.clear()
        self._held = self._bytes = 0
        self.missing_until = 0.0

    def recall(self) -> Iterator[list[Recalled]]:
        """Yield all events in order and drop them.

        The events come in batches, some of them empty, so that the caller can yield to the event
        loop after each.

        Events are sorted by the latest time so far in their job and in the jobs submitted before it
        (job IDs come from a clock that never steps back, RFC 19), so that a clock that stepped back
        does not put an event before an earlier one.
        """
        self._prune()
        yield []
        self._jobs.sort(key=_id)
        yield []
        runs: list[list[_Placed]] = []
        placing = self._place()
        while run := list(islice(placing, _RUN_EVENTS)):
            run.sort(key=_place)
            runs.append(run)
            yield []
        self._jobs.clear()
        placed = merge(*runs, key=_place)
        while piece := [item[-1] for item in islice(placed, _BATCH_EVENTS)]:
            yield piece

    def _place(self) -> Iterator[_Placed]:
        floor = 0.0
        for _, jobid, events, job, after, _ in self._jobs:
            time = floor = self._later(floor, events[0].timestamp)
            # The table has admitted the job to this group, and read the R that is gone.
            job.membership = after.membership
            for place, event in enumerate(events):
                time = self._later(time, event.timestamp)
                index = None if event.name in UNINDEXED else job.nevents
                with contextlib.suppress(*BAD_VALUE):
                    apply(job, event)
                if event.name == "alloc":
                    job.allocation = after.allocation
                yield time, jobid, place, (jobid, index, event, facets(job))

    def _later(self, before: float, time: float) -> float:
        if time < before - CLOCK_TOLERANCE_S:
            self.stepped = True
        return max(before, time)


def _last_time(events: list[Event]) -> float:
    return max([event.timestamp for event in events], default=0.0)


def _memory_of(events: list[Event]) -> int:
    """Return about how many bytes events take: those of their text, and some for each value."""
    text = _encoder.encode(events)
    values = text.count(b",") + text.count(b"[") + text.count(b"{")
    return len(text) + _VALUE_BYTES * values


def _last(job: _Past) -> float:
    return job[0]


def _id(job: _Past) -> int:
    return job[1]


def _place(item: _Placed) -> tuple[float, int, int]:
    return item[:3]

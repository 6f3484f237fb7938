"""The limit of the events that requests add to active jobs.

The embedded instance has the eventlog of an active job in memory, and stores it as a whole after
each event; Flux stores each event, and the list of all events of the job anew. So memos without an
end would take the memory, the time and the disk of either, and no request could read the eventlog.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import msgspec

from fluxapi.errors import FluxRefused

from .ended_memory import EndedMemory
from .eventlog import Event
from .job import Job
from .paced_look import PacedLook

__all__ = [
    "MAX_JOB_BYTES",
    "MAX_JOB_DISK_BYTES",
    "MAX_TOTAL_BYTES",
    "MAX_TOTAL_DISK_BYTES",
    "AddedEvents",
]

MAX_JOB_BYTES = 8 << 20
"""Memory of the events that requests may add to one job."""

MAX_TOTAL_BYTES = 128 << 20
"""Memory of those of all active jobs."""

MAX_JOB_DISK_BYTES = 1 << 30
"""Disk space for the lists of the events of one job: 7,300 events."""

MAX_TOTAL_DISK_BYTES = 4 << 30
"""Disk space for the lists of all active jobs: 100 events for each of 20,000."""

_LISTED_BYTES = 20
"""Disk space of a list with each event, per square of the number of events."""

_EVENT_BYTES = 448
"""Memory of an event besides its values."""

_VALUE_BYTES = 72
"""Memory of a value, or of an empty list or object, besides its text."""

_NAMES = frozenset({"exception", "memo", "urgency"})

_encoder = msgspec.json.Encoder()


_MIN_MANY = 10_000
"""Jobs after which those that have ended are looked for."""


class AddedEvents:
    """The events that requests have added to active jobs, by their estimated memory.

    Args:
        find: Returns a job by its ID. With it, jobs that have ended are forgotten now and then,
            also without a call of :meth:`forget`.
        ended: Counts the events of those that are forgotten so.
    """

    def __init__(
        self,
        find: Callable[[int], Job | None] | None = None,
        ended: EndedMemory | None = None,
    ) -> None:
        self._by_job: dict[int, _Added] = {}
        self._total = _NONE
        self._find = find
        self._ended = ended
        self._many = _MIN_MANY
        self._look = PacedLook()

    def add(self, jobid: int, context: Mapping[str, Any], events: int = 1) -> None:
        """Count events, one with this context; raise ``FluxRefused`` if there is no room."""
        size = _size(context)
        if self._ended is not None:
            self._ended.check(size)
        before = self._by_job.get(jobid, _NONE)
        after = before.with_events(size, events)
        if after.bytes > MAX_JOB_BYTES or after.disk > MAX_JOB_DISK_BYTES:
            words = "the job has too many memos, exceptions and changes of its urgency"
            raise FluxRefused(words, errno=errno.ENOSPC)
        if self._is_full(before, after) or len(self._by_job) > self._many:
            self._forget_ended()
        if self._is_full(before, after):
            words = "active jobs have too many memos, exceptions and changes of their urgency"
            raise FluxRefused(words, errno=errno.ENOSPC)
        self._replace(jobid, after)

    @contextmanager
    def adding(self, jobid: int, context: Mapping[str, Any], events: int = 1) -> Iterator[None]:
        """Count events as :meth:`add` does, but not if Flux refuses them in this context."""
        self.add(jobid, context, events)
        try:
            yield
        except FluxRefused:
            if jobid in self._by_job:
                added = self._by_job[jobid]
                self._replace(jobid, added.with_events(-_size(context), -events))
            raise

    def restore(self, jobid: int, events: Iterable[Event]) -> None:
        """Count the stored events of a job that goes on after a restart."""
        for event in events:
            context = event.context or {}
            if event.name in _NAMES and context.get("severity") != 0:
                before = self._by_job.get(jobid, _NONE)
                self._replace(jobid, before.with_events(_size(context), 1))

    def forget(self, jobid: int) -> None:
        """Forget a job that is not active anymore."""
        self._total = self._total.less(self._by_job.pop(jobid, _NONE))

    def _forget_ended(self) -> None:
        find = self._find
        if find is not None and self._look.is_due:
            with self._look.looking():
                for jobid in list(self._by_job):
                    job = find(jobid)
                    if job is None or job.is_inactive:
                        if job is not None and self._ended is not None:
                            self._ended.keep(jobid, self._by_job[jobid].bytes)
                        self.forget(jobid)
        self._many = max(_MIN_MANY, 2 * len(self._by_job))

    def _is_full(self, before: _Added, after: _Added) -> bool:
        """Return whether a job with more events than before would be too much for all."""
        rest = self._total.less(before)
        return (
            rest.bytes + after.bytes > MAX_TOTAL_BYTES
            or rest.disk + after.disk > MAX_TOTAL_DISK_BYTES
        )

    def _replace(self, jobid: int, after: _Added) -> None:
        rest = self._total.less(self._by_job.get(jobid, _NONE))
        self._by_job[jobid] = after
        self._total = _Added(rest.bytes + after.bytes, rest.disk + after.disk)


class _Added(NamedTuple):
    """The events of a job, or of all jobs: their memory, the disk space of their lists."""

    bytes: int
    disk: int
    number: int = 0

    def with_events(self, size: int, events: int) -> _Added:
        number = self.number + events
        return _Added(self.bytes + size, _LISTED_BYTES * number**2, number)

    def less(self, other: _Added) -> _Added:
        return _Added(self.bytes - other.bytes, self.disk - other.disk)


_NONE = _Added(0, 0)


def _size(context: Mapping[str, Any]) -> int:
    text = _encoder.encode(context)
    values = text.count(b",") + text.count(b"[") + text.count(b"{")
    return _EVENT_BYTES + len(text) + _VALUE_BYTES * values

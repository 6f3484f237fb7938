"""The limit of the events that requests add to active jobs.

The embedded instance has the eventlog of an active job in memory, and stores it as a whole after
each event; Flux stores each event. So memos without an end would take the memory, the time and the
disk of either, and no request could read the eventlog.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from fluxapi.errors import FluxRefused

from .eventlog import Event
from .job import Job

__all__ = ["MAX_JOB_BYTES", "MAX_TOTAL_BYTES", "AddedEvents"]

MAX_JOB_BYTES = 8 << 20
"""Memory of the events that requests may add to one job: 16,000 small memos."""

MAX_TOTAL_BYTES = 128 << 20
"""Memory of those of all active jobs."""

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
    """

    def __init__(self, find: Callable[[int], Job | None] | None = None) -> None:
        self._by_job: dict[int, int] = {}
        self._total = 0
        self._find = find
        self._many = _MIN_MANY

    def add(self, jobid: int, context: Mapping[str, Any]) -> None:
        """Count an event with this context; raise ``FluxRefused`` if there is no room for it."""
        size = _size(context)
        of_job = self._by_job.get(jobid, 0) + size
        if of_job > MAX_JOB_BYTES:
            words = "the job has too many memos, exceptions and changes of its urgency"
            raise FluxRefused(words, errno=errno.ENOSPC)
        if self._total + size > MAX_TOTAL_BYTES or len(self._by_job) > self._many:
            self._forget_ended()
        if self._total + size > MAX_TOTAL_BYTES:
            words = "active jobs have too many memos, exceptions and changes of their urgency"
            raise FluxRefused(words, errno=errno.ENOSPC)
        self._count(jobid, size)

    def restore(self, jobid: int, events: Iterable[Event]) -> None:
        """Count the stored events of a job that goes on after a restart."""
        for event in events:
            context = event.context or {}
            if event.name in _NAMES and context.get("severity") != 0:
                self._count(jobid, _size(context))

    def forget(self, jobid: int) -> None:
        """Forget a job that is not active anymore."""
        self._total -= self._by_job.pop(jobid, 0)

    def _forget_ended(self) -> None:
        if self._find is not None:
            for jobid in list(self._by_job):
                job = self._find(jobid)
                if job is None or job.is_inactive:
                    self.forget(jobid)
        self._many = max(_MIN_MANY, 2 * len(self._by_job))

    def _count(self, jobid: int, size: int) -> None:
        self._by_job[jobid] = self._by_job.get(jobid, 0) + size
        self._total += size


def _size(context: Mapping[str, Any]) -> int:
    text = _encoder.encode(context)
    values = text.count(b",") + text.count(b"[") + text.count(b"{")
    return _EVENT_BYTES + len(text) + _VALUE_BYTES * values

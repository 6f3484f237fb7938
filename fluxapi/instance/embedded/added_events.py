"""The limit of the events that requests add to active jobs.

The eventlog of an active job is in memory, and is stored as a whole after each event. So memos
without an end would take the memory of the service, and its time.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from fluxapi.errors import FluxRefused
from fluxapi.model.eventlog import Event

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


class AddedEvents:
    """The events that requests have added to active jobs, by their estimated memory."""

    def __init__(self) -> None:
        self._by_job: dict[int, int] = {}
        self._total = 0

    def add(self, jobid: int, context: Mapping[str, Any]) -> None:
        """Count an event with this context; raise ``FluxRefused`` if there is no room for it."""
        size = _size(context)
        of_job = self._by_job.get(jobid, 0) + size
        if of_job > MAX_JOB_BYTES:
            words = "the job has too many memos, exceptions and changes of its urgency"
            raise FluxRefused(words, errno=errno.ENOSPC)
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

    def _count(self, jobid: int, size: int) -> None:
        self._by_job[jobid] = self._by_job.get(jobid, 0) + size
        self._total += size


def _size(context: Mapping[str, Any]) -> int:
    text = _encoder.encode(context)
    values = text.count(b",") + text.count(b"[") + text.count(b"{")
    return _EVENT_BYTES + len(text) + _VALUE_BYTES * values

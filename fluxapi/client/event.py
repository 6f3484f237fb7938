"""What happens to jobs, and that something of it cannot be had."""

from __future__ import annotations

from typing import Any

from fluxapi.process.text import safe

from .job import JobId
from .record import Record

__all__ = ["Event", "Reset"]


class Event(Record, frozen=True, omit_defaults=True):
    """One entry of a job's eventlog (RFC 18, RFC 21).

    ``(id, index)`` is its identity. ``index`` is the place among the entries of the eventlog that
    are not memos, and ``None`` for memos and annotations. ``truncated``: its context was too large
    for the event channel; the eventlog of the job has it.
    """

    id: JobId
    name: str
    timestamp: float
    """Seconds since the epoch."""
    index: int | None = None
    context: dict[str, Any] | None = None
    truncated: bool = False

    def __repr__(self) -> str:
        return f"<Event {safe(self.id)} {safe(self.name)} {self.timestamp:.3f}>"


class Reset(Record, frozen=True):
    """The stream could not go on from its cursor: events may be missing before the next one."""

    reason: str
    """A word of the table of resets in docs/events.md."""
    detail: str

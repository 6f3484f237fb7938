"""Events of jobs, and resets of a stream."""

from __future__ import annotations

from typing import Any

from fluxapi.process.text import safe

from .job import JobId
from .record import Record

__all__ = ["Event", "Reset"]


class Event(Record, frozen=True, omit_defaults=True):
    """One entry of a job's eventlog (RFC 18, RFC 21).

    ``(id, index)`` identifies it. ``index`` is the position among the entries of the eventlog,
    memos not counted; memos and annotations have ``None``. ``truncated`` means that the context
    was too large for the event channel; the eventlog of the job has it.
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
    """A reset: the stream could not resume, and events may be missing before the next one."""

    reason: str
    """One of the reset reasons in docs/events.md."""
    detail: str

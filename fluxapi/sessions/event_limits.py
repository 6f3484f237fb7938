"""The limits of what requests add to the jobs of an instance: events, and annotations by memos."""

from __future__ import annotations

from collections.abc import Callable

from fluxapi.job_limits.memory_limit import usual_limit
from fluxapi.model.added_events import AddedEvents
from fluxapi.model.annotation_limit import AnnotationLimit
from fluxapi.model.ended_memory import EndedMemory
from fluxapi.model.job import Job

__all__ = ["event_limits"]


def event_limits(find: Callable[[int], Job | None]) -> tuple[AddedEvents, AnnotationLimit]:
    """Return the limits of events and of annotations; *find* returns a job by its ID.

    Jobs that have ended may take half as much memory by them as large jobs by their jobspecs.
    """
    ended = EndedMemory(find, usual_limit() // 2)
    return AddedEvents(find, ended), AnnotationLimit(find, ended)

"""The numbers of jobs that pages show: by state while they are active, by result once they end."""

from __future__ import annotations

from typing import NamedTuple

from fluxapi.model.job import GROUPS

__all__ = ["BY_RESULT", "IN_TREE", "JobCount"]


class JobCount(NamedTuple):
    """One number: its title, the member of the statistics, the names to add up, the filter."""

    title: str
    member: str
    names: tuple[str, ...]
    filter: str


_BEFORE_FAILED = (
    JobCount("Pending", "states", GROUPS["PENDING"], "state=PENDING"),
    JobCount("Running", "states", GROUPS["RUNNING"], "state=RUNNING"),
    JobCount("Completed", "results", ("COMPLETED",), "result=COMPLETED"),
)
_CANCELED = JobCount("Canceled", "results", ("CANCELED",), "result=CANCELED")

BY_RESULT = (
    *_BEFORE_FAILED,
    JobCount("Failed", "results", ("FAILED",), "result=FAILED"),
    _CANCELED,
    JobCount("Timed out", "results", ("TIMEOUT",), "result=TIMEOUT"),
)
"""The numbers of one instance, or of one group."""

IN_TREE = (
    *_BEFORE_FAILED,
    JobCount("Failed", "results", ("FAILED", "TIMEOUT"), "result=FAILED,TIMEOUT"),
    _CANCELED,
)
"""The numbers of one of many instances, for which there is less room."""

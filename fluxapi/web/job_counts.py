"""The numbers of jobs that pages show: by state while they are active, by result once they end."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from fluxapi.model.job import GROUPS

from .words import Words

__all__ = ["BY_RESULT", "IN_TREE", "JobCount", "titled"]


class JobCount(NamedTuple):
    """One number: the key of its title, the member of the statistics, the names to add up, the
    filter.
    """

    title: str
    member: str
    names: tuple[str, ...]
    filter: str


_BEFORE_FAILED = (
    JobCount("common.pending", "states", GROUPS["PENDING"], "state=PENDING"),
    JobCount("common.running", "states", GROUPS["RUNNING"], "state=RUNNING"),
    JobCount("common.completed", "results", ("COMPLETED",), "result=COMPLETED"),
)
_CANCELED = JobCount("common.canceled", "results", ("CANCELED",), "result=CANCELED")

BY_RESULT = (
    *_BEFORE_FAILED,
    JobCount("common.failed", "results", ("FAILED",), "result=FAILED"),
    _CANCELED,
    JobCount("common.timed_out", "results", ("TIMEOUT",), "result=TIMEOUT"),
)
"""The numbers of one instance, or of one group."""

IN_TREE = (
    *_BEFORE_FAILED,
    JobCount("common.failures", "results", ("FAILED", "TIMEOUT"), "result=FAILED,TIMEOUT"),
    _CANCELED,
)
"""The numbers of one of many instances, for which there is less room.

Failures are jobs that failed or timed out; the word "failed" is that of the result alone.
"""


def titled(counts: Iterable[JobCount], words: Words) -> list[JobCount]:
    """Return the numbers with their titles in the language of *words*."""
    return [count._replace(title=words.text(count.title)) for count in counts]

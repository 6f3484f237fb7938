"""The numbers of jobs that pages show: by state while they are active, by result once they end."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from fluxapi.model.job import GROUPS

from .words import Words

__all__ = ["BY_RESULT", "JobCount", "titled"]


class JobCount(NamedTuple):
    """One number: the key of its title, the member of the statistics, the names to add up, the
    filter.
    """

    title: str
    member: str
    names: tuple[str, ...]
    filter: str


BY_RESULT = (
    JobCount("common.pending", "states", GROUPS["PENDING"], "state=PENDING"),
    JobCount("common.running", "states", GROUPS["RUNNING"], "state=RUNNING"),
    JobCount("common.completed", "results", ("COMPLETED",), "result=COMPLETED"),
    JobCount("common.failed", "results", ("FAILED",), "result=FAILED"),
    JobCount("common.canceled", "results", ("CANCELED",), "result=CANCELED"),
    JobCount("common.timed_out", "results", ("TIMEOUT",), "result=TIMEOUT"),
)
"""The numbers of an instance, or of a group."""


def titled(counts: Iterable[JobCount], words: Words) -> list[JobCount]:
    """Return the numbers with their titles in the language of *words*."""
    return [count._replace(title=words.text(count.title)) for count in counts]

"""The waitable jobs of a table that nobody has collected, as far as the service knows.

Flux returns the end of a waitable job only once, to the first client that waits for it. A program
that uses Flux itself may have collected a job that is still listed here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice

from fluxapi.model.job import Job

__all__ = ["Waitable"]


class Waitable:
    """The IDs of such jobs among *jobs*, the rows of the table."""

    def __init__(self, jobs: Mapping[int, Job]) -> None:
        self._jobs = jobs
        self._active: dict[int, None] = {}
        self._ended: dict[int, None] = {}

    def __contains__(self, jobid: object) -> bool:
        return jobid in self._active or jobid in self._ended

    def add(self, jobid: int) -> None:
        """Add a job."""
        job = self._jobs.get(jobid)
        (self._ended if job is not None and job.is_inactive else self._active)[jobid] = None

    def end(self, jobid: int) -> None:
        """Note that a job has ended."""
        if jobid in self._active:
            del self._active[jobid]
            self._ended[jobid] = None

    def forget(self, jobids: Iterable[int]) -> None:
        """Remove jobs that were collected or have left the table."""
        for jobid in jobids:
            self._active.pop(jobid, None)
            self._ended.pop(jobid, None)

    @property
    def active_count(self) -> int:
        """The number of jobs that have not ended."""
        return len(self._active)

    @property
    def ended_count(self) -> int:
        """The number of jobs that have ended."""
        return len(self._ended)

    def ended(self, limit: int) -> list[int]:
        """Return at most *limit* of the jobs that have ended, the first ones first."""
        return list(islice(self._ended, limit))

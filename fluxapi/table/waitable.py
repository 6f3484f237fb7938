"""The waitable jobs of a table that nobody has collected, as far as the service knows.

Flux returns the end of a waitable job only once, to the first client that waits for it. A program
that uses Flux itself may have collected a job that is still listed here. Flux keeps a job that has
ended until it is collected, also when it has purged it (flux-core, job-manager/wait.c).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain, islice

from fluxapi.model.job import Job

__all__ = ["Waitable"]


class Waitable:
    """The IDs of such jobs among *jobs*, the rows of the table, and among those that left it.

    At most *max_left* of the latter are kept, the last ones.
    """

    def __init__(self, jobs: Mapping[int, Job], max_left: int) -> None:
        self._jobs = jobs
        self._max_left = max_left
        self._active: dict[int, None] = {}
        self._ended: dict[int, None] = {}
        self._left: dict[int, None] = {}
        """Jobs that have ended, and left the table since."""

    def __contains__(self, jobid: object) -> bool:
        return jobid in self._active or self.has_ended(jobid)

    def has_ended(self, jobid: object) -> bool:
        """Return whether a job is one of these, and has ended."""
        return jobid in self._ended or jobid in self._left

    def add(self, jobid: int) -> None:
        """Add a job."""
        self._left.pop(jobid, None)
        job = self._jobs.get(jobid)
        (self._ended if job is not None and job.is_inactive else self._active)[jobid] = None

    def end(self, jobid: int) -> None:
        """Note that a job has ended."""
        if jobid in self._active:
            del self._active[jobid]
            self._ended[jobid] = None

    def leave(self, jobid: int) -> None:
        """Note that a job has left the table; the end of one that has ended can be collected."""
        self._active.pop(jobid, None)
        if jobid in self._ended:
            del self._ended[jobid]
            self._keep(jobid)

    def forget(self, jobids: Iterable[int]) -> None:
        """Remove jobs that are being collected."""
        for jobid in jobids:
            self._active.pop(jobid, None)
            self._ended.pop(jobid, None)
            self._left.pop(jobid, None)

    def restore(self, jobid: int) -> None:
        """Note that a job that has ended could not be collected."""
        if jobid in self._jobs:
            self._ended[jobid] = None
        else:
            self._keep(jobid)

    @property
    def active_count(self) -> int:
        """The number of jobs that have not ended."""
        return len(self._active)

    @property
    def ended_count(self) -> int:
        """The number of jobs that have ended."""
        return len(self._ended) + len(self._left)

    def ended(self, limit: int) -> list[int]:
        """Return at most *limit* of the jobs that have ended, the first ones first."""
        return list(islice(chain(self._left, self._ended), limit))

    def _keep(self, jobid: int) -> None:
        self._left[jobid] = None
        if len(self._left) > self._max_left:
            del self._left[next(iter(self._left))]

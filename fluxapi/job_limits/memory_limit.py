"""The limit of the memory that Flux takes for large jobs.

The job manager and job-list keep the jobspec of each job, without its environment, until the job is
purged (flux-core, job-manager/job.c, job-list/job_data.c), and the job manager that of a waitable
job until it is collected, too (job-manager/wait.c). With 24 jobs of 8 MB and 190,000 values,
the broker grew by 30 MB a job.
"""

from __future__ import annotations

import os
import time

from fluxapi.errors import FluxapiError, JobLimitReached
from fluxapi.model.submission import Submission
from fluxapi.table.table import Table

from .limit import JobLimit

__all__ = ["LARGE_BYTES", "MemoryLimit", "usual_limit"]

LARGE_BYTES = 256 << 10
"""Memory from which a job counts."""

_MIN_LIMIT_BYTES = 1 << 30

_MAX_UNSEEN_S = 60.0
"""Time in which the journal shows a job, or Flux has purged it."""


def usual_limit() -> int:
    """Return a quarter of the memory of this machine, in bytes, and at least 1 GiB."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(memory // 4, _MIN_LIMIT_BYTES)


class MemoryLimit(JobLimit):
    """A limit of the memory that large jobs take of Flux.

    *limit* is in bytes, by default :func:`usual_limit`. Jobs count until the table does not have
    them anymore, and waitable ones until they are collected, too.
    """

    def __init__(self, table: Table, limit: int | None = None) -> None:
        self._table = table
        self._limit = usual_limit() if limit is None else limit
        self._total = 0
        self._sizes: dict[int, int] = {}
        self._unseen: dict[int, float] = {}
        """Jobs that the table may not have yet, and until when."""

    def concerns(self, submission: Submission) -> bool:
        """Return whether a job is large."""
        return _size(submission) > 0

    def refusal(self, submission: Submission) -> FluxapiError | None:
        """Return the error of a job if there is no room for it."""
        if self._total + _size(submission) <= self._limit:
            return None
        return JobLimitReached(
            f"Large jobs take {self._total >> 20} MiB of the memory of Flux, of "
            f"{self._limit >> 20} MiB that they may take. Submit this one when others are purged "
            "(flux job purge) and, if they are waitable, collected, or with a smaller jobspec."
        )

    def add(self, submission: Submission) -> None:
        """Count the memory of a job."""
        self._total += _size(submission)

    def settle(self, submission: Submission, jobid: int | None) -> None:
        """Keep the size of a job that was submitted; count another one no more."""
        size = _size(submission)
        if not size:
            return
        if jobid is None or jobid in self._sizes:
            self._total -= size
        else:
            self._sizes[jobid] = size
            self._unseen[jobid] = time.monotonic() + _MAX_UNSEEN_S

    def empty(self) -> MemoryLimit:
        """Return the limit with the jobs that were submitted, and are not purged."""
        limit = MemoryLimit(self._table, self._limit)
        now = time.monotonic()
        limit._unseen = {
            jobid: until
            for jobid, until in self._unseen.items()
            if jobid not in self._table and now < until
        }
        limit._sizes = {
            jobid: size
            for jobid, size in self._sizes.items()
            if jobid in self._table or jobid in self._table.waitable or jobid in limit._unseen
        }
        limit._total = sum(limit._sizes.values())
        return limit


def _size(submission: Submission) -> int:
    """Return the bytes that Flux keeps of a large job, or 0 for others."""
    size = 2 * len(submission.jobspec) + submission.memory
    return size if size >= LARGE_BYTES else 0

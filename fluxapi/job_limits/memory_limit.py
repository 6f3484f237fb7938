"""The limit of the memory that Flux takes for large jobs.

The job manager and job-list keep the jobspec of each job, without its environment, until the job is
purged (flux-core, job-manager/job.c, job-list/job_data.c), and the job manager that of a waitable
job until it is collected, too (job-manager/wait.c). With 24 jobs of 8 MB and 190,000 values,
the broker grew by 30 MB a job.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from fluxapi.errors import FluxapiError, JobLimitReached
from fluxapi.model.submission import Submission
from fluxapi.table.table import Table

from .limit import JobLimit

__all__ = ["LARGE_BYTES", "MemoryLimit", "usual_limit"]

LARGE_BYTES = 64 << 10
"""Memory from which a job counts; usual ones take less than half of it by this estimate."""

_MIN_LIMIT_BYTES = 1 << 30

_MAX_UNSEEN_S = 60.0
"""Time in which the journal shows a job, or Flux has purged it."""


def usual_limit() -> int:
    """Return a quarter of the memory of this machine, in bytes, and at least 1 GiB."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(memory // 4, _MIN_LIMIT_BYTES)


class _Kept:
    """The sizes of the jobs that Flux keeps, as far as the service has submitted them."""

    def __init__(self, table: Table) -> None:
        self.total = 0
        self._table = table
        self._sizes: dict[int, int] = {}
        self._unseen: dict[int, float] = {}
        """Jobs that the table may not have yet, and until when."""

    def add(self, jobid: int, size: int) -> None:
        """Add a job that was submitted, once."""
        if jobid not in self._sizes:
            self._sizes[jobid] = size
            self._unseen[jobid] = time.monotonic() + _MAX_UNSEEN_S
            self.total += size

    def recount(self) -> Iterator[None]:
        """Remove the jobs that Flux keeps no more, one in each step."""
        for jobid in list(self._sizes):
            yield
            if jobid in self._table:
                self._unseen.pop(jobid, None)
            elif jobid not in self._table.waitable and self._is_gone(jobid):
                self.total -= self._sizes.pop(jobid)

    def _is_gone(self, jobid: int) -> bool:
        """Return whether a job that the table does not have is none that it will have soon."""
        until = self._unseen.get(jobid)
        if until is not None and time.monotonic() < until:
            return False
        self._unseen.pop(jobid, None)
        return True


class MemoryLimit(JobLimit):
    """A limit of the memory that large jobs take of Flux.

    *limit* is in bytes, by default :func:`usual_limit`. Jobs count until the table does not have
    them anymore, and waitable ones until they are collected, too.
    """

    def __init__(self, table: Table, limit: int | None = None, kept: _Kept | None = None) -> None:
        self._table = table
        self._limit = usual_limit() if limit is None else limit
        self._kept = _Kept(table) if kept is None else kept
        self._under_way = 0

    def concerns(self, submission: Submission) -> bool:
        """Return whether a job is large."""
        return _size(submission) > 0

    def refusal(self, submission: Submission) -> FluxapiError | None:
        """Return the error of a job if there is no room for it."""
        total = self._kept.total + self._under_way
        if total + _size(submission) <= self._limit:
            return None
        return JobLimitReached(
            f"Large jobs take {total >> 20} MiB of the memory of Flux, of {self._limit >> 20} MiB "
            "that they may take. Submit this one when others are purged (flux job purge) and, if "
            "they are waitable, collected, or with a smaller jobspec."
        )

    def add(self, submission: Submission) -> None:
        """Count the memory of a job."""
        self._under_way += _size(submission)

    def settle(self, submission: Submission, jobid: int | None) -> None:
        """Keep the size of a job that was submitted; count another one no more."""
        size = _size(submission)
        self._under_way -= size
        if size and jobid is not None:
            self._kept.add(jobid, size)

    def empty(self) -> MemoryLimit:
        """Return the limit with the jobs that were submitted."""
        return MemoryLimit(self._table, self._limit, self._kept)

    def recount(self) -> Iterator[None]:
        """Count the jobs no more that are purged."""
        return self._kept.recount()


def _size(submission: Submission) -> int:
    """Return the bytes that Flux keeps of a large job, or 0 for others."""
    size = 2 * len(submission.jobspec) + submission.memory
    return size if size >= LARGE_BYTES else 0

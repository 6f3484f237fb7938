"""The limit of the memory that Flux takes for large jobs.

The job manager and job-list keep the jobspec of each job, without its environment, until the job is
purged (flux-core, job-manager/job.c, job-list/job_data.c). With 24 jobs of 8 MB and 190,000 values,
the broker grew by 30 MB a job.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

from fluxapi.errors import FluxapiError, FluxRefused
from fluxapi.model.submission import Submission
from fluxapi.process.timeslice import TimeSlice
from fluxapi.table.table import Table

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


class MemoryLimit:
    """Refuses large jobs while those that were submitted before take too much memory of Flux.

    *limit* is in bytes, by default :func:`usual_limit`. Jobs count until the table does not have
    them anymore.
    """

    def __init__(self, table: Table, limit: int | None = None) -> None:
        self._table = table
        self._limit = usual_limit() if limit is None else limit
        self._total = 0
        self._sizes: dict[int, int] = {}
        self._unseen: dict[int, float] = {}
        """Jobs that the table may not have yet, and until when."""

    @asynccontextmanager
    async def admit(
        self, submissions: Sequence[Submission]
    ) -> AsyncIterator[dict[int, FluxapiError]]:
        """Yield the errors of the jobs for which there is no room, by their places.

        The others count until the context is left, and after that if they are noted.
        """
        refused: dict[int, FluxapiError] = {}
        taken = 0
        is_current = False
        turn = TimeSlice()
        try:
            for place, one in enumerate(submissions):
                await turn.share()
                size = _size(one)
                if self._total + size > self._limit and not is_current:
                    is_current = True
                    self._forget_purged()
                if size and self._total + size > self._limit:
                    refused[place] = self._refusal()
                else:
                    taken += size
                    self._total += size
            yield refused
        finally:
            self._total -= taken

    def note(self, submissions: Iterable[Submission], answers: Iterable[int | object]) -> None:
        """Count the jobs that were submitted."""
        for one, answer in zip(submissions, answers, strict=True):
            size = _size(one)
            if size and isinstance(answer, int) and answer not in self._sizes:
                self._sizes[answer] = size
                self._unseen[answer] = time.monotonic() + _MAX_UNSEEN_S
                self._total += size

    def _forget_purged(self) -> None:
        """Count the jobs no more that the table had and has no longer."""
        now = time.monotonic()
        self._unseen = {
            jobid: until
            for jobid, until in self._unseen.items()
            if jobid not in self._table and now < until
        }
        for jobid in [it for it in self._sizes if it not in self._table and it not in self._unseen]:
            self._total -= self._sizes.pop(jobid)

    def _refusal(self) -> FluxRefused:
        words = (
            f"large jobs take {self._total >> 20} MiB of the memory of Flux, of {self._limit >> 20}"
            " MiB that they may take; submit this one when others are purged (flux job purge), or "
            "with a smaller jobspec"
        )
        return FluxRefused(words, errno=errno.ENOSPC)


def _size(submission: Submission) -> int:
    """Return the bytes that Flux keeps of a large job, or 0 for others."""
    size = 2 * len(submission.jobspec) + submission.memory
    return size if size >= LARGE_BYTES else 0

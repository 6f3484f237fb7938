"""The limit of the memory for what requests have added to jobs that have ended.

Flux keeps the events and annotations of a job until it is purged (flux-core, job-manager/job.c,
job-list/job_data.c). So somebody could fill its memory with one job after the other.
"""

from __future__ import annotations

import errno
from collections.abc import Callable

from fluxapi.errors import FluxRefused

from .job import Job
from .paced_look import PacedLook

__all__ = ["EndedMemory"]

_MIN_BYTES = 16 << 10
"""Memory from which a job counts, or what is added to one; a job takes some kilobytes anyway."""


class EndedMemory:
    """The estimated memory of jobs that have ended, until they are purged.

    Args:
        find: Returns a job by its ID, or ``None`` once it is purged.
        limit: The limit in bytes.
    """

    def __init__(self, find: Callable[[int], Job | None], limit: int) -> None:
        self._find = find
        self._limit = limit
        self._sizes: dict[int, int] = {}
        self._total = 0
        self._look = PacedLook()

    def keep(self, jobid: int, size: int) -> None:
        """Count the bytes of a job that has ended."""
        if size >= _MIN_BYTES:
            self._sizes[jobid] = self._sizes.get(jobid, 0) + size
            self._total += size

    def check(self, size: int) -> None:
        """Raise ``FluxRefused`` while the jobs take too much to add this many bytes to another one.

        Little is always added: jobs can be held, and their urgency changed.
        """
        if size < _MIN_BYTES:
            return
        if self._total > self._limit:
            self._forget_purged()
        if self._total > self._limit:
            raise FluxRefused(
                "jobs that have ended have too many memos, which Flux keeps until they are purged "
                "(flux job purge)",
                errno=errno.ENOSPC,
            )

    def _forget_purged(self) -> None:
        if self._look.is_due:
            with self._look.looking():
                for jobid in [it for it in self._sizes if self._find(it) is None]:
                    self._total -= self._sizes.pop(jobid)

"""The limits of a table whose instance is a program of the owner of a job."""

from __future__ import annotations

from collections.abc import Iterable

from fluxapi.model.annotations import is_shared
from fluxapi.model.decoded_size import decoded_bytes
from fluxapi.model.job import Job

__all__ = ["Capacity", "TableFull"]

_LIGHT_BYTES = 1200
"""Upper bound of the memory of an ordinary job, indexes included."""

_TEXT_OVERHEAD_BYTES = 64
_LINK_BYTES = 200
"""Memory of a dependency on a job; twice as much if no other job depends on it."""

_MAX_LISTED_FACTOR = 16
"""Jobs in one listing, as a multiple of the limit; the table keeps only the newest."""


class TableFull(Exception):
    """The table holds more than its limit; the text is a sentence for the user."""


class Capacity:
    """A count of the jobs and of the bytes of a table.

    Only jobs that take more memory than an ordinary one are weighed one by one.
    """

    def __init__(self, max_jobs: int, max_bytes: int) -> None:
        self.max_jobs = max_jobs
        self.max_bytes = max_bytes
        self._excess: dict[int, int] = {}
        self._excess_bytes = 0

    def weigh(self, changed: Iterable[Job], gone: Iterable[int]) -> None:
        """Take the jobs that have changed, and the IDs of those that have gone."""
        for jobid in gone:
            self._excess_bytes -= self._excess.pop(jobid, 0)
        for job in changed:
            excess = max(_weight(job) - _LIGHT_BYTES, 0)
            self._excess_bytes += excess - self._excess.pop(job.id, 0)
            if excess:
                self._excess[job.id] = excess

    def check(self, jobs: int, listed: int, purged: int) -> None:
        """Raise :class:`TableFull` if the table is too large.

        Args:
            jobs: Jobs in the table.
            listed: Jobs in the listing that is being read.
            purged: Jobs that were purged meanwhile.
        """
        if jobs > self.max_jobs or max(listed, purged) > _MAX_LISTED_FACTOR * self.max_jobs:
            raise TableFull(f"The instance has more than {self.max_jobs} jobs (--max-child-jobs).")
        if jobs * _LIGHT_BYTES + self._excess_bytes > self.max_bytes:
            raise TableFull(
                f"The jobs of the instance take more than {self.max_bytes >> 20} MiB: their "
                "annotations or dependencies are very large (--max-child-jobs sets the limit)."
            )


def _weight(job: Job) -> int:
    """Return about how many bytes a job takes."""
    texts = (job.name, job.cwd, job.queue, job.bank, job.project, *job.dependencies)
    total = 850 + sum(len(text) + _TEXT_OVERHEAD_BYTES for text in texts if text)
    total += _LINK_BYTES * len(job.after)
    if job.annotations and not is_shared(job.annotations):
        total += decoded_bytes(job.annotations)
    if job.exception is not None:
        total += len(job.exception["note"])
    if job.allocation is not None:
        total += len(job.allocation.ranks) + len(job.allocation.nodelist)
    return total

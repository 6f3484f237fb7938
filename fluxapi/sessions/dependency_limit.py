"""The limit of the dependencies of all jobs that wait for other jobs.

Flux keeps those of all jobs in one list, and looks for each from the beginning of it when its job
is started, canceled or refused (flux-core, job-manager/plugins/dependency-after.c). With 25,000,
the cancellation of their jobs occupies the job manager for 12 seconds.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from fluxapi.errors import FluxapiError, FluxRefused
from fluxapi.model.submission import Submission
from fluxapi.table.table import Table

__all__ = ["MAX_WAITING", "DependencyLimit"]

MAX_WAITING = 10_000
"""Limit of the dependencies that wait, beyond which no job of many is taken."""

_FEW = 4
"""Dependencies of a job that is always taken: tens of thousands of jobs may wait for one."""


class DependencyLimit:
    """Counts the dependencies of the jobs of a table, and of those that are being submitted."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._under_way = 0

    def counts(self, submission: Submission) -> bool:
        """Return whether a job is one of many dependencies, which the table should have soon."""
        return submission.dependencies > _FEW

    @contextmanager
    def admit(self, submissions: Sequence[Submission]) -> Iterator[dict[int, FluxapiError]]:
        """Yield the errors of the jobs that have too many dependencies, by their places.

        Those of the others count until the context is left; the table should have the jobs then.
        """
        refused: dict[int, FluxapiError] = {}
        taken = 0
        if any(map(self.counts, submissions)):
            left = MAX_WAITING - self._under_way - self._waiting()
            for place, one in enumerate(submissions):
                if one.dependencies > max(left - taken, _FEW):
                    refused[place] = _refusal()
                else:
                    taken += one.dependencies
        self._under_way += taken
        try:
            yield refused
        finally:
            self._under_way -= taken

    def _waiting(self) -> int:
        """Return how many dependencies the jobs of the table wait for; few jobs are looked at."""
        waiting = 0
        for jobid in self._table.index.state.get("DEPEND", ()):
            job = self._table.get(jobid)
            waiting += 0 if job is None else len(job.dependencies)
            if waiting > MAX_WAITING:
                break
        return waiting


def _refusal() -> FluxRefused:
    words = (
        f"the jobs that wait for others have about {MAX_WAITING} dependencies; submit this one "
        f"later, or with at most {_FEW} dependencies"
    )
    return FluxRefused(words, errno=errno.ENOSPC)

"""The limit of a chain of jobs, each of which fails if the one before it does.

If a job ends so that those that wait for it can never start, the job manager of Flux fails each of
them, and those that wait for them, before it returns (flux-core,
job-manager/plugins/dependency-after.c). Each job of a chain takes 2.6 KB of its stack, which
overflows with about 3,100, and the instance ends. A thread of a broker that was started with an
unlimited stack has 2 MB, which 790 jobs fill. Jobs that wait for any end (``afterany``) are
released instead, and end a chain.
"""

from __future__ import annotations

import time
from typing import NamedTuple

from fluxapi.errors import FluxapiError, JobLimitReached
from fluxapi.model.after import read_unmet
from fluxapi.model.job import Job
from fluxapi.model.submission import Submission
from fluxapi.table.table import Table

from .limit import JobLimit

__all__ = ["MAX_LENGTH", "ChainLimit"]

MAX_LENGTH = 400
"""Limit of the jobs of a chain: half of the smallest stack."""

_MAX_UNSEEN_S = 60.0
"""Time in which the journal shows a job."""

_WAITING = frozenset({"NEW", "DEPEND"})


class _Unseen(NamedTuple):
    """A job that the table may not have yet."""

    length: int
    until: float


class ChainLimit(JobLimit):
    """A limit of the length of chains, which is kept for the last job of each."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._lengths: dict[int, int] = {}
        self._unseen: dict[int, _Unseen] = {}

    def concerns(self, submission: Submission) -> bool:
        """Return whether a job fails if another one does."""
        return bool(submission.chained)

    def refusal(self, submission: Submission) -> FluxapiError | None:
        """Return the error of a job if it would make a chain too long."""
        if self._length_with(submission) <= MAX_LENGTH:
            return None
        return JobLimitReached(
            f"The job would be behind {MAX_LENGTH} others, each of which fails if the one before "
            "it does, as with afterok. Submit it later, or with afterany."
        )

    def settle(self, submission: Submission, jobid: int | None) -> None:
        """Keep the length of the chain of a job."""
        if submission.chained and jobid is not None:
            until = time.monotonic() + _MAX_UNSEEN_S
            self._unseen[jobid] = _Unseen(self._length_with(submission), until)

    def empty(self) -> ChainLimit:
        """Return the limit with the lengths of jobs that the table may not have yet."""
        limit = ChainLimit(self._table)
        now = time.monotonic()
        limit._unseen = {
            jobid: unseen
            for jobid, unseen in self._unseen.items()
            if jobid not in self._table and now < unseen.until
        }
        return limit

    def count(self, job: Job) -> None:
        """Keep the length of the chain of a job."""
        self._length(job.id)

    def _length_with(self, submission: Submission) -> int:
        return 1 + max(map(self._length, submission.chained), default=0)

    def _length(self, jobid: int) -> int:
        """Return the jobs of the longest chain that ends with one, or more if some have ended.

        Those that wait, and were not counted, are looked at now.
        """
        pending: list[tuple[int, tuple[int, ...] | None]] = [(jobid, None)]
        while pending:
            one, targets = pending.pop()
            if targets is not None:
                # The lengths of the targets are known now.
                self._lengths[one] = 1 + max((self._known(it) or 1 for it in targets), default=0)
            elif self._known(one) is None:
                self._lengths[one] = 1  # in a circle, which only a false journal can have
                targets = self._targets(one)
                pending.append((one, targets))
                pending.extend((target, None) for target in targets)
        known = self._known(jobid) or 1
        job = self._table.get(jobid)
        if job is not None and job.state == "NEW":
            # Its record may lack some of its dependencies yet.
            self._lengths.pop(jobid, None)
        return known

    def _known(self, jobid: int) -> int | None:
        job = self._table.get(jobid)
        if job is None:
            unseen = self._unseen.get(jobid)
            return 1 if unseen is None else unseen.length
        return self._lengths.get(jobid) if job.state in _WAITING else 1

    def _targets(self, jobid: int) -> tuple[int, ...]:
        job = self._table[jobid]
        if job.state == "NEW":
            # Flux has not told its dependencies yet, but its jobspec is known.
            return tuple({target: None for target, scheme in job.after if scheme != "afterany"})
        unmet = read_unmet(job.dependencies)
        return tuple({target: None for target, kind in unmet if kind != "after-finish"})

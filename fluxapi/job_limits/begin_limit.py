"""The limit of the jobs that wait for about the same begin time.

Flux releases all jobs whose begin time has come before it answers anybody, and not in the order of
their submission. It looks for the place of each in its queue, from the last job on (flux-core,
job-manager/job.c), so the time grows with the square of their number: 3 s for 10,000, and 12 s for
20,000.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

from fluxapi.errors import FluxapiError, JobUnsuitable
from fluxapi.model.after import read_begin
from fluxapi.model.job import Job
from fluxapi.model.submission import Submission

from .limit import JobLimit

__all__ = ["MAX_TOGETHER", "BeginLimit"]

MAX_TOGETHER = 12_000
"""Limit of the jobs that begin within the same seconds."""

_STEP_S = 10
"""Time in which jobs count as ones that begin together, also with those of the steps beside it."""


class BeginLimit(JobLimit):
    """A limit of the jobs that begin together; *now* returns the time."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._steps: Counter[int] = Counter()

    def concerns(self, submission: Submission) -> bool:
        """Return whether a job waits for a time."""
        return submission.begin > 0

    def refusal(self, submission: Submission) -> FluxapiError | None:
        """Return the error of a job if too many begin together with it."""
        if submission.begin <= self._now():
            return None
        step = _step(submission.begin)
        if sum(self._steps[one] for one in (step - 1, step, step + 1)) < MAX_TOGETHER:
            return None
        return JobUnsuitable(
            f"About {MAX_TOGETHER} jobs begin in the same seconds as this one. Let it begin a "
            "minute earlier or later."
        )

    def add(self, submission: Submission) -> None:
        """Count the begin time of a job."""
        if submission.begin:
            self._steps[_step(submission.begin)] += 1

    def empty(self) -> BeginLimit:
        """Return the limit without times."""
        return BeginLimit(self._now)

    def count(self, job: Job) -> None:
        """Count the begin time that a job waits for."""
        if begin := read_begin(job.dependencies):
            self._steps[_step(begin)] += 1


def _step(begin: float) -> int:
    return int(begin // _STEP_S)

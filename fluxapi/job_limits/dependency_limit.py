"""The limit of the dependencies of all jobs that wait for other jobs.

Flux keeps those of all jobs in one list, and looks for each from the beginning of it when its job
is started, canceled or refused (flux-core, job-manager/plugins/dependency-after.c). With 25,000,
the cancellation of their jobs occupies the job manager for 12 seconds. When a job ends for which
10,000 wait, each of these is looked for among those that wait for others, which are before it. Jobs
that end together, such as those that are canceled by one request, take their sum.
"""

from __future__ import annotations

from fluxapi.errors import FluxapiError, JobLimitReached
from fluxapi.model.after import read_unmet
from fluxapi.model.job import Job
from fluxapi.model.submission import Submission

from .dependency_counts import DependencyCounts
from .limit import JobLimit

__all__ = ["MAX_OTHERS", "MAX_STEPS", "MAX_WAITING", "DependencyLimit"]

MAX_WAITING = 10_000
"""Limit of the dependencies that wait, beyond which no job of many is taken."""

MAX_OTHERS = 25_000
"""Limit of those on other jobs, beyond which no job that waits for a job is taken."""

MAX_STEPS = 50_000_000
"""Limit of the steps if all jobs end together for which many wait: each of these is looked for
among all that wait for other jobs. It is 3 s."""

_FEW = 4
"""Dependencies of a job that is taken beyond the first limit: thousands may wait for one job."""


class DependencyLimit(JobLimit):
    """A limit of the dependencies that wait."""

    def __init__(self) -> None:
        self._counts = DependencyCounts()

    def concerns(self, submission: Submission) -> bool:
        """Return whether a job waits for anything."""
        return submission.dependencies > 0

    def refusal(self, submission: Submission) -> FluxapiError | None:
        """Return the error of a job if too many dependencies wait beside its own."""
        counts, targets, number = self._counts, submission.after, submission.dependencies
        if number > _FEW and counts.all + number > MAX_WAITING:
            return _refusal(MAX_WAITING, f", or with at most {_FEW} dependencies")
        if not targets:
            return None
        if counts.most_others(targets) > MAX_OTHERS:
            return _refusal(MAX_OTHERS)
        return _refusal(counts.all) if counts.steps_with(targets, number) > MAX_STEPS else None

    def add(self, submission: Submission) -> None:
        """Count the dependencies of a job."""
        if submission.dependencies:
            self._counts.add(submission.after, submission.dependencies)

    def empty(self) -> DependencyLimit:
        """Return the limit without counts."""
        return DependencyLimit()

    def count(self, job: Job) -> None:
        """Count what a job waits for yet."""
        unmet = {target for target, _ in read_unmet(job.dependencies)}
        self._counts.add(tuple(sorted(unmet)), len(job.dependencies))


def _refusal(dependencies: int, other_way: str = "") -> JobLimitReached:
    return JobLimitReached(
        f"The jobs that wait for others have about {dependencies} dependencies. Submit this one "
        f"later{other_way}."
    )

"""The limit of the jobs that wait for others of their name, with ``singleton``.

Flux walks through all of them whenever a job of that name ends (flux-core,
job-manager/plugins/dependency-singleton.c).
"""

from __future__ import annotations

from collections import Counter

from fluxapi.errors import FluxapiError, JobLimitReached
from fluxapi.model.job import Job
from fluxapi.model.submission import Submission

from .limit import JobLimit

__all__ = ["MAX_SINGLETONS", "SingletonLimit"]

MAX_SINGLETONS = 10_000
"""Limit of the jobs of one name that wait."""


class SingletonLimit(JobLimit):
    """A limit of the jobs of one name that wait for each other."""

    def __init__(self) -> None:
        self._names: Counter[str] = Counter()

    def concerns(self, submission: Submission) -> bool:
        """Return whether a job waits for others of its name."""
        return bool(submission.singleton)

    def refusal(self, submission: Submission) -> FluxapiError | None:
        """Return the error of a job if too many of its name wait."""
        if self._names[submission.singleton] < MAX_SINGLETONS:
            return None
        return JobLimitReached(
            f"About {MAX_SINGLETONS} jobs of this name wait with singleton. Submit this one later."
        )

    def add(self, submission: Submission) -> None:
        """Count the name of a job."""
        if submission.singleton:
            self._names[submission.singleton] += 1

    def empty(self) -> SingletonLimit:
        """Return the limit without names."""
        return SingletonLimit()

    def count(self, job: Job) -> None:
        """Count the name of a job that waits for others of it."""
        if job.name and "singleton" in job.dependencies:
            self._names[job.name] += 1

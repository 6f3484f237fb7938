"""The interface of a limit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

from fluxapi.errors import FluxapiError
from fluxapi.model.job import Job
from fluxapi.model.submission import Submission

__all__ = ["JobLimit"]


class JobLimit(ABC):
    """A limit, and what it has counted: jobs that wait, and jobs that are being submitted.

    Jobs that end are counted until all are counted anew, so a limit may refuse a job too early.
    """

    @abstractmethod
    def concerns(self, submission: Submission) -> bool:
        """Return whether the limit may refuse a job."""

    @abstractmethod
    def refusal(self, submission: Submission) -> FluxapiError | None:
        """Return the error of a job that is refused beside those that were counted."""

    @abstractmethod
    def empty(self) -> JobLimit:
        """Return the same limit, to count all jobs anew."""

    def add(self, submission: Submission) -> None:  # noqa: B027 - some limits count none of these
        """Count a job that is being submitted; the limit may not concern it."""

    def settle(self, submission: Submission, jobid: int | None) -> None:  # noqa: B027 - as above
        """Note the ID under which such a job was submitted, or that it was not."""

    def count(self, job: Job) -> None:  # noqa: B027 - as above
        """Count a job of the table that waits for other jobs, or for a time."""

    def recount(self) -> Iterator[None]:
        """Look again at what was kept for long, which :meth:`empty` keeps, one in each step."""
        return iter(())

"""Submissions to one instance: one job or many, each made once per Idempotency-Key."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from fluxapi.errors import FluxapiError, OutcomeUnknown
from fluxapi.events.consumer import JournalConsumer
from fluxapi.instance.protocol import JobControl, Submission
from fluxapi.job_limits.job_limits import JobLimits, Results, usual_limits
from fluxapi.model.job import Job
from fluxapi.model.keymark import KeyMark
from fluxapi.model.submission import nobody_left
from fluxapi.process.timeslice import TimeSlice

from .idempotency import IdempotencyStore

__all__ = ["MarkedSubmission", "Submitted", "Submitter"]

VISIBLE_TIMEOUT_S = 2.0
"""Time that a request waits until the journal has shown its jobs."""


class MarkedSubmission(NamedTuple):
    """A job to submit, and the mark by which a repeated request finds it."""

    submission: Submission
    mark: KeyMark | None


class Submitted(NamedTuple):
    """The ID or the error of each job of a request, in order.

    Attributes:
        replayed: How many of the jobs an earlier request has submitted.
    """

    results: Results
    replayed: int = 0


class Submitter:
    """Submits the jobs of requests to one instance.

    A request for one job and a request for many work alike: requests with one Idempotency-Key are
    processed one at a time, and each finds the jobs of those before it by their marks.

    Attributes:
        submitted: Jobs that the instance has accepted from this service.
    """

    def __init__(
        self,
        instance: JobControl,
        journal: JournalConsumer,
        idempotency: IdempotencyStore,
        nodes: int = 1,
    ) -> None:
        self.submitted = 0
        self._instance = instance
        self._journal = journal
        self._idempotency = idempotency
        self._limits = JobLimits(journal.table, usual_limits(journal.table, nodes))
        self._under_way: set[asyncio.Task[Submitted]] = set()

    async def submit(
        self,
        key: str | None,
        jobs: Sequence[MarkedSubmission],
        has_left: Callable[[], bool] = nobody_left,
    ) -> Submitted:
        """Submit jobs that no earlier request with *key* has submitted, and return all results.

        The jobs are in the table before this returns, unless the journal is slow. With a key, the
        submission is completed and recorded even if the caller is canceled. Jobs that are not sent
        to the instance yet when *has_left* returns true are not sent.

        Raises:
            ConnectionResetError: The client has left, and nothing was submitted.
            IdempotencyMismatch: The key was used for another request.
            OutcomeUnknown: It is not known yet if an earlier request with the key succeeded.
            InstanceUnavailable: The instance does not answer.
        """
        if key is None:
            _check(has_left)
            submissions = [job.submission for job in jobs]
            submitted = Submitted(await self._send(submissions, has_left))
        else:
            task = asyncio.ensure_future(self._submit_in_turn(key, jobs, has_left))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
            submitted = await asyncio.shield(task)
        await self._until_visible(submitted.results)
        return submitted

    async def aclose(self) -> None:
        """Cancel what goes on without a request."""
        await self._limits.aclose()

    async def _submit_in_turn(
        self, key: str, jobs: Sequence[MarkedSubmission], has_left: Callable[[], bool]
    ) -> Submitted:
        async with self._idempotency.turn(key):
            await self._idempotency.settled()
            await self._idempotency.resolve(key)
            _check(has_left)
            return await self._submit_missing(key, jobs, has_left)

    async def _submit_missing(
        self, key: str, jobs: Sequence[MarkedSubmission], has_left: Callable[[], bool]
    ) -> Submitted:
        """Submit the jobs whose marks are not known."""
        idempotency = self._idempotency
        results: dict[int, int | FluxapiError] = {}
        missing: list[int] = []
        turn = TimeSlice()
        for place, job in enumerate(jobs):
            await turn.share()
            known = None if job.mark is None else idempotency.known(job.mark)
            if known is None:
                missing.append(place)
            else:
                results[place] = known
        replayed = len(results)
        try:
            answers = await self._send([jobs[place].submission for place in missing], has_left)
        except OutcomeUnknown:
            idempotency.doubt(key)
            raise
        for place, answer in zip(missing, answers, strict=True):
            results[place] = answer
            mark = jobs[place].mark
            if isinstance(answer, int) and mark is not None:
                idempotency.remember(mark, answer)
        if any(isinstance(answer, OutcomeUnknown) for answer in answers):
            idempotency.doubt(key)
        return Submitted([results[place] for place in range(len(jobs))], replayed)

    async def _send(self, submissions: list[Submission], has_left: Callable[[], bool]) -> Results:
        if has_left is not nobody_left:
            submissions = [replace(one, has_left=has_left) for one in submissions]
        return await self._limits.submit(submissions, self._send_admitted)

    async def _send_admitted(self, submissions: Sequence[Submission]) -> Results:
        answers = await self._instance.submit(submissions)
        self.submitted += sum(isinstance(answer, int) for answer in answers)
        if any(one.dependencies for one in submissions):
            # The next request finds in the table what they wait for.
            await self._until_visible(answers)
        return answers

    async def _until_visible(self, results: Results) -> None:
        """Wait until the table has the jobs, but not for long."""
        deadline = time.monotonic() + VISIBLE_TIMEOUT_S
        table = self._journal.table
        turn = TimeSlice()
        for jobid in results:
            await turn.share()
            if not isinstance(jobid, int) or jobid in table:
                continue
            # One that was purged does not come back.
            if not table.keys.is_holder(jobid):
                left = deadline - time.monotonic()
                if left <= 0:
                    return
                await self._journal.waiters.wait(jobid, _exists, left)


def _check(has_left: Callable[[], bool]) -> None:
    if has_left():
        raise ConnectionResetError("The client has left.")


def _exists(job: Job | None) -> bool:
    return job is not None

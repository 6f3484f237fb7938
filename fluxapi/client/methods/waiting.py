"""Waiting until jobs end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Iterable
from typing import Literal, TypeVar

import msgspec

from fluxapi.client.job import Job
from fluxapi.client.options import StreamFilter
from fluxapi.client.results import CollectedJob, EndedJobs
from fluxapi.process.timeout import within

from .base import MAX_IDS, encode_id, job_path, not_found
from .jobs import JobMethods
from .polling import poll
from .streams import StreamMethods

__all__ = ["WaitMethods"]

T = TypeVar("T")

_MAX_FOLLOWED_BY_ID = 64
"""Most jobs followed by ID; with more, the client follows all jobs."""


class WaitMethods(JobMethods, StreamMethods):
    """The methods that wait until jobs end."""

    async def wait(self, id: str | int, timeout: float | None = None) -> Job:
        """Wait until a job is inactive; raise ``TimeoutError`` after ``timeout`` seconds."""
        path = f"{job_path(id)}/wait"
        job = await poll(self._transport, path, Job, query={}, is_over=_has_ended, timeout=timeout)
        if job.is_active:
            raise TimeoutError(f"Job {job.id} is in {job.state} after {timeout:g} s.")
        return job

    async def wait_all(self, ids: Iterable[str | int], timeout: float | None = None) -> EndedJobs:
        """Wait until all jobs of a list have ended; unknown IDs are listed, and are no error.

        Raises:
            TimeoutError: Not all have ended after ``timeout`` seconds.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        names = [str(id) for id in ids]
        total = EndedJobs([], [], [])
        for start in range(0, len(names), MAX_IDS):
            left = None if deadline is None else max(deadline - time.monotonic(), 0.0)
            some = await self._wait_for(names[start : start + MAX_IDS], "all", left)
            if some.active:
                raise TimeoutError(
                    f"{len(some.active)} of the jobs have not ended after {timeout:g} s."
                )
            total.ended.extend(some.ended)
            total.unknown.extend(some.unknown)
        return total

    async def wait_any(self, ids: Iterable[str | int], timeout: float | None = None) -> EndedJobs:
        """Wait until any job of a list has ended; at most 10,000 IDs.

        To wait for the next one, pass the IDs in ``active`` of the result.

        Raises:
            TimeoutError: None has ended after ``timeout`` seconds.
        """
        found = await self._wait_for([str(id) for id in ids], "any", timeout)
        if found.active and not (found.ended or found.unknown):
            raise TimeoutError(f"None of the jobs has ended after {timeout:g} s.")
        return found

    async def _wait_for(
        self, names: list[str], until: Literal["all", "any"], timeout: float | None
    ) -> EndedJobs:
        def is_over(found: EndedJobs) -> bool:
            return not found.active or (until == "any" and bool(found.ended or found.unknown))

        return await poll(
            self._transport,
            "/jobs/wait",
            EndedJobs,
            body={"ids": names, "until": until},
            is_over=is_over,
            timeout=timeout,
        )

    async def collect(
        self, id: str | int | None = None, *, limit: int = 1, timeout: float | None = None
    ) -> list[CollectedJob]:
        """Wait for waitable jobs, as ``flux job wait`` does, and return how they have ended.

        The end of a job that was submitted with ``waitable`` is handed out once, to the first who
        asks. A request is not repeated after a failure, since the jobs of a lost answer are lost.

        Args:
            id: The job to wait for. Default: the next one to end that nobody has collected.
            limit: Most jobs in the result, up to 64; it has fewer if fewer have ended.
            timeout: Seconds to wait.

        Returns:
            The ends of one or more jobs; of none if no waitable job is left.

        Raises:
            Conflict: The job is not waitable, or somebody has collected it.
            TimeoutError: None has ended after ``timeout`` seconds.
        """
        body: dict[str, object] = {"limit": limit} if id is None else {"id": encode_id(id)}
        found = await poll(
            self._transport,
            "/jobs/collect",
            _Collected,
            body=body,
            is_over=lambda found: bool(found.jobs) or (id is None and not found.active),
            timeout=timeout,
            repeatable=False,
        )
        if not found.jobs and (found.active or id is not None):
            raise TimeoutError(f"No job to collect has ended after {timeout:g} s.")
        return found.jobs

    async def as_completed(
        self, ids: Iterable[str | int], *, timeout: float | None = None
    ) -> AsyncIterator[Job]:
        """Yield each job once when it becomes inactive, in the order in which jobs end.

        Raises:
            NotFound: The service does not know one of the jobs.
            TimeoutError: Not all jobs ended within ``timeout`` seconds.
        """
        missing = {encode_id(id) for id in ids}
        if not missing:
            return
        filter: StreamFilter = (
            {"id": sorted(missing)} if len(missing) <= _MAX_FOLLOWED_BY_ID else {}
        )
        deadline = None if timeout is None else time.monotonic() + timeout
        async with self.watch(**filter) as watch:
            await _within(deadline, watch.ready())
            for jobid in [jobid for jobid in missing if jobid not in watch.jobs]:
                # The job may have been purged, or be newer than the watch: ask the service.
                job = await self.get(jobid)
                if not job.is_active:
                    missing.discard(jobid)
                    yield job
            for job in [job for job in watch.jobs.values() if job.id in missing]:
                if not job.is_active:
                    missing.discard(job.id)
                    yield job
            while missing:
                change = await _within(deadline, watch.__anext__())
                if change.id in missing and change.gone:
                    raise not_found(f"Job {change.id} is gone.")
                if change.id in missing and change.job is not None and not change.job.is_active:
                    missing.discard(change.id)
                    yield change.job


class _Collected(msgspec.Struct):
    jobs: list[CollectedJob]
    active: int


def _has_ended(job: Job) -> bool:
    return not job.is_active


async def _within(deadline: float | None, work: Awaitable[T]) -> T:
    """Await *work*; raise ``TimeoutError`` at the deadline (of the monotonic clock)."""
    if deadline is None:
        return await work
    try:
        return await within(max(deadline - time.monotonic(), 0.0), work)
    except asyncio.TimeoutError:
        pass
    raise TimeoutError("Some of the jobs have not ended.")

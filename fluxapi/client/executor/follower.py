"""The events of the jobs of an executor, passed to their futures."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any

import msgspec

from fluxapi.client.body import decoded
from fluxapi.client.errors import (
    BadAnswer,
    NotFound,
    ProblemError,
    TooManyRequests,
    Unauthorized,
    Unavailable,
)
from fluxapi.client.event import Event
from fluxapi.client.methods.jobs import JobMethods
from fluxapi.client.stream import Channel

from .future import FluxExecutorFuture

__all__ = ["Follower"]

_MAX_EARLY_EVENTS = 100_000
"""Events of jobs that are not known yet, kept while jobs are being submitted."""

_MAX_LOOKUPS = 16
"""Eventlogs read at a time."""

_OF_ALL = (TooManyRequests, Unauthorized, Unavailable)
"""Errors that concern more than one job."""

_UNKNOWN_ID = "job ID does not match any job"
_NO_RESULT = "the job ended without a result"


class _Head(msgspec.Struct):
    """The part of an event that decides what to do with it."""

    id: str
    name: str
    index: int | None = None
    truncated: bool = False


class _Gone(msgspec.Struct):
    id: str


class _Followed:
    """A job, and how far its events have reached its future."""

    __slots__ = ("future", "has_gap", "held", "last")

    def __init__(self, future: FluxExecutorFuture) -> None:
        self.future = future
        self.last = -1
        self.held: list[tuple[_Head, bytes]] | None = None
        """Events that wait until the eventlog of the job has been read."""
        self.has_gap = False
        """True if the stream had a gap whose events the requested eventlog may lack."""


class Follower:
    """Follows the event channel for many jobs.

    A job may be older than the stream, and the stream may have a gap. Then the eventlog of the job
    is read, and the events of the stream wait for that. It is also read when Flux has purged the
    job, since its last events never come if the service was away then.
    """

    def __init__(self, client: JobMethods, channel: Channel) -> None:
        self._client = client
        self._channel = channel
        self._jobs: dict[str, tuple[_Followed, ...]] = {}
        self._early: dict[str, list[tuple[_Head, bytes]]] = {}
        self._early_count = 0
        self._is_early_complete = True
        self._submissions = 0
        self._unchecked: list[str] = []
        """Jobs that were followed before the last connection, and may be purged since."""
        self._lookups: set[asyncio.Task[None]] = set()
        self._lookup_slots = asyncio.Semaphore(_MAX_LOOKUPS)
        self.live = asyncio.Event()
        """Set once all later events will be received."""
        self.idle = asyncio.Event()
        """Set while no job is followed."""
        self.idle.set()
        self.failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Gets an exception when a lookup fails."""

    def futures(self) -> Iterator[FluxExecutorFuture]:
        """Yield the futures of the jobs that are followed."""
        for jobs in self._jobs.values():
            for job in jobs:
                yield job.future

    async def run(self) -> None:
        """Follow the channel until canceled; raise ``ClientError`` when it is lost for good."""
        async for message in self._channel.messages():
            if message.kind == "event":
                head = decoded(message.data, _Head)
                self._take(head, message.data)
            elif message.kind == "open":
                self._unchecked = list(self._jobs)
            elif message.kind == "bookmark":
                self.live.set()
                self._check()
            elif message.kind == "gone":
                self._look_up_all(decoded(message.data, _Gone).id)
            elif message.kind == "reset":
                self._is_early_complete = False
                for jobid in self._jobs:
                    self._look_up_all(jobid)

    async def close(self) -> None:
        """End all lookups."""
        for task in self._lookups:
            task.cancel()
        await asyncio.gather(*self._lookups, return_exceptions=True)
        if not self.failure.cancel():
            # Another task has failed, too, and its error is the one that is raised.
            self.failure.exception()

    def expect(self) -> None:
        """Keep the events of unknown jobs, since one of them may be submitted right now."""
        if not self._submissions:
            self._is_early_complete = True
        self._submissions += 1

    def expected(self) -> None:
        """End what ``expect`` began, after the new jobs have been passed to ``add``."""
        self._submissions -= 1
        if not self._submissions:
            self._early.clear()
            self._early_count = 0

    def add(self, jobid: str, future: FluxExecutorFuture) -> None:
        """Follow a job that was submitted after ``expect``."""
        job = self._begin(jobid, future)
        for head, raw in self._early.pop(jobid, ()):
            self._pass_on(job, head, raw)
        if not self._is_early_complete:
            self._look_up(jobid, job)

    def attach(self, jobid: str, future: FluxExecutorFuture) -> None:
        """Follow a job from the first entry of its eventlog."""
        self._look_up(jobid, self._begin(jobid, future))

    def _begin(self, jobid: str, future: FluxExecutorFuture) -> _Followed:
        self.idle.clear()
        job = _Followed(future)
        self._jobs[jobid] = (*self._jobs.get(jobid, ()), job)
        return job

    def _end(self, jobid: str, job: _Followed) -> None:
        left = tuple(other for other in self._jobs.get(jobid, ()) if other is not job)
        if left:
            self._jobs[jobid] = left
        else:
            self._jobs.pop(jobid, None)
        if not self._jobs:
            self.idle.set()

    def _take(self, head: _Head, raw: bytes) -> None:
        jobs = self._jobs.get(head.id)
        if jobs is not None:
            for job in jobs:
                self._pass_on(job, head, raw)
        elif self._submissions and self._is_early_complete:
            self._early.setdefault(head.id, []).append((head, raw))
            self._early_count += 1
            if self._early_count > _MAX_EARLY_EVENTS:
                self._is_early_complete = False
                self._early.clear()
                self._early_count = 0

    def _pass_on(self, job: _Followed, head: _Head, raw: bytes) -> None:
        if job.held is not None:
            job.held.append((head, raw))
        elif head.index is None or head.index <= job.last:
            return
        elif head.truncated:
            self._look_up(head.id, job)
        else:
            job.last = head.index
            if head.name in job.future.EVENTS:
                job.future.receive(head.name, raw)
            if head.name == "clean":
                self._end(head.id, job)
                # A job can write anything into its own eventlog.
                job.future.fail(ValueError(_NO_RESULT))

    def _check(self) -> None:
        """Look for jobs that were purged while there was no connection."""
        unchecked = [jobid for jobid in self._unchecked if jobid in self._jobs]
        self._unchecked = []
        if unchecked:
            self._start(self._find_purged(unchecked))

    async def _find_purged(self, ids: list[str]) -> None:
        for jobid in (await self._client.get_many(ids)).unknown:
            self._look_up_all(jobid)

    def _look_up_all(self, jobid: str) -> None:
        for job in self._jobs.get(jobid, ()):
            self._look_up(jobid, job)

    def _look_up(self, jobid: str, job: _Followed) -> None:
        """Hold the events of a job until its eventlog has been read."""
        job.has_gap = True
        if job.held is not None:
            return
        job.held = []
        self._start(self._read(jobid, job))

    def _start(self, lookup: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(lookup)
        self._lookups.add(task)
        task.add_done_callback(self._looked_up)

    def _looked_up(self, task: asyncio.Task[None]) -> None:
        self._lookups.discard(task)
        if not task.cancelled() and (error := task.exception()) and not self.failure.done():
            self.failure.set_exception(error)

    async def _read(self, jobid: str, job: _Followed) -> None:
        async with self._lookup_slots:
            entries: list[Event] = []
            try:
                while job.has_gap:
                    job.has_gap = False
                    entries = await self._client.eventlog(jobid)
            except (BadAnswer, ProblemError) as error:
                if isinstance(error, _OF_ALL):
                    raise
                # A job can write anything into its own eventlog.
                self._end(jobid, job)
                is_unknown = isinstance(error, NotFound) and not error.is_of_proxy
                job.future.fail(ValueError(_UNKNOWN_ID) if is_unknown else error)
                return
        held, job.held = job.held or (), None
        for event in entries:
            self._pass_on(job, _Head(event.id, event.name, event.index), msgspec.json.encode(event))
        for head, raw in held:
            self._pass_on(job, head, raw)

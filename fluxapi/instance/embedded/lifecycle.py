"""From submit to alloc: the states DEPEND, PRIORITY and SCHED of RFC 21, and their events.

This module corresponds to the job manager (``src/modules/job-manager``), and ``running`` to the
execution system.
"""

from __future__ import annotations

import abc
import asyncio
import contextlib
import errno
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from fluxapi.errors import FluxRefused, JobInactive, JobNotFound
from fluxapi.instance.protocol import Submission
from fluxapi.model.added_events import AddedEvents
from fluxapi.model.eventlog import Event, JournalMessage
from fluxapi.model.job_end import WAITABLE, JobEnd, is_waitable, job_end
from fluxapi.model.jobid import encode_f58

from .dependencies import After, BeginTime, Dependencies, parse_dependency
from .ids import IdSource
from .job import DEBUG, Ended, Job, Outcome
from .journal import Journal
from .outline import Outline
from .output import OutputLog
from .request import parse_request
from .scheduler import Infeasible, Pool, Queue
from .wall_timers import WallTimers

__all__ = ["Lifecycle", "priority_of"]

_HOLD, _EXPEDITE = 0, 31
_MAX_PRIORITY = 2**32 - 1
_MAX_SEVERITY = 7
_SLICE_JOBS = 32
"""Jobs that are processed in one pass of the event loop."""


def priority_of(urgency: int) -> int:
    """Return Flux's default priority: the urgency, except that 31 is the highest priority."""
    return _MAX_PRIORITY if urgency == _EXPEDITE else urgency


class Lifecycle(abc.ABC):
    """The engine's jobs and their states up to the allocation.

    A subclass implements the start of a job with resources (:meth:`begin`) and the end of a running
    job (:meth:`interrupt`). ``dirty`` collects the jobs to store, with a store.
    """

    def __init__(
        self,
        pool: Pool,
        ids: IdSource,
        journal: Journal,
        new_log: Callable[[int], OutputLog],
    ) -> None:
        self.pool = pool
        self.ids = ids
        self.owner = os.getuid()
        self.active: dict[int, Job] = {}
        self.inactive: dict[int, Ended] = {}
        self.queue = Queue()
        self.dependencies = Dependencies(self._dependency_met, self._dependency_failed)
        self.dirty: dict[int, Job] | None = None
        self.stopped = False
        self._loop = asyncio.get_running_loop()
        self._wall_timers = WallTimers(self._loop)
        self.journal = journal
        self._new_log = new_log
        self._kicked = False
        self._due: deque[Iterator[None]] = deque()
        self.uncollected: dict[int, JobEnd] = {}
        self.added = AddedEvents()
        self._jobspec = b""

    # Provided by the subclass.

    @abc.abstractmethod
    def begin(self, job: Job) -> None:
        """Run a job that has resources."""

    @abc.abstractmethod
    def interrupt(self, job: Job, type: str) -> None:
        """End a running job after a fatal exception of *type*."""

    def kept_jobspec(self, jobspec: bytes) -> bytes:
        """Return a jobspec to keep: that of the last job if it is equal, as in a bulk of copies."""
        if jobspec != self._jobspec:
            # The encoder's bytes occupy up to half as much again; a copy has the exact size.
            self._jobspec = bytes(memoryview(jobspec))
        return self._jobspec

    # Requests.

    def submit(self, submission: Submission) -> int:
        """Submit a job; raise ``FluxRefused``."""
        if not _HOLD <= submission.urgency <= _EXPEDITE:
            raise FluxRefused("urgency range is [0:31]")
        request, redacted = parse_request(submission.jobspec, self.pool.hostname)
        dependencies = [self._admit(*pair) for pair in request.dependencies]
        # Parse errors must be raised before the job is known.
        outline = Outline.of(request, self.pool.hostname)
        with contextlib.suppress(Infeasible):
            self.pool.check(outline)
        jobid = self.ids.next()
        job = Job(jobid, self.kept_jobspec(submission.jobspec), outline, self._new_log(jobid))
        job.urgency = submission.urgency
        self.active[jobid] = job
        flags = DEBUG * submission.debug + WAITABLE * submission.waitable
        context = {"userid": self.owner, "urgency": job.urgency, "flags": flags, "version": 1}
        self.post(job, "submit", context, jobspec=redacted)
        for dependency in dependencies:
            self._add_dependency(job, dependency)
        self.post(job, "validate")
        job.state = "DEPEND"
        self._depend(job)
        return jobid

    def find_active(self, jobid: int) -> Job:
        """Return the active job; raise ``JobNotFound`` or ``JobInactive``."""
        job = self.active.get(jobid)
        if job is not None and job.state != "INACTIVE":
            return job
        if job is not None or jobid in self.inactive:
            raise JobInactive(f"Job {encode_f58(jobid)} is inactive.")
        raise JobNotFound(f"There is no job {encode_f58(jobid)}.")

    def set_urgency(self, jobid: int, urgency: int) -> None:
        """Set the urgency like the job manager (``urgency.c``)."""
        if not _HOLD <= urgency <= _EXPEDITE:
            raise FluxRefused("urgency value is out of range")
        job = self.find_active(jobid)
        if job.allocated is not None:
            raise FluxRefused("urgency cannot be changed once resources are allocated")
        context = {"userid": self.owner, "urgency": urgency}
        self.added.add(jobid, context)
        job.urgency = urgency
        self.post(job, "urgency", context)
        if job.state == "SCHED":
            self._prioritize(job)

    def raise_exception(self, jobid: int, type: str, severity: int, note: str | None) -> None:
        """Raise an exception like the job manager (``raise.c``)."""
        if not 0 <= severity <= _MAX_SEVERITY:
            raise FluxRefused("invalid exception severity")
        if not type or any(char.isspace() for char in type):
            raise FluxRefused("invalid exception type")
        job = self.find_active(jobid)
        if severity > 0 or job.fatal:
            # A job that does not end by itself gets further ones until it is killed.
            self.added.add(jobid, {"type": type, "note": note})
        self.throw(job, type, severity, note or "")

    def post_memo(self, jobid: int, memo: dict[str, Any], *, volatile: bool) -> None:
        """Post a memo like the job manager (``annotate.c``)."""
        job = self.find_active(jobid)
        if volatile:
            self.journal.post(job, JournalMessage(job.id, [Event(time.time(), "memo", memo)]))
        else:
            self.added.add(jobid, memo)
            self.post(job, "memo", memo)

    def collect(self, jobid: int) -> JobEnd:
        """Return the end of a waitable job, once, like the job manager (``wait.c``)."""
        if jobid not in self.uncollected:
            words = "invalid job id, or job may be inactive and not waitable"
            raise FluxRefused(words, errno=errno.ECHILD)
        return self.uncollected.pop(jobid)

    # Events.

    def post(
        self,
        job: Job,
        name: str,
        context: dict[str, Any] | None = None,
        *,
        jobspec: dict[str, Any] | None = None,
        R: dict[str, Any] | None = None,
    ) -> None:
        """Append an event to the job's eventlog and send it to the journal."""
        event = Event(time.time(), name, context)
        job.events.append(event)
        if self.dirty is not None and not job.withdrawn:
            self.dirty[job.id] = job
        self.journal.post(job, JournalMessage(job.id, [event], jobspec, R))

    def throw(
        self, job: Job, type: str, severity: int, note: str, status: int | None = None
    ) -> None:
        """Post an exception and, if it is fatal, end the job."""
        context: dict[str, Any] = {
            "type": type,
            "severity": severity,
            "note": note,
            "userid": self.owner,
        }
        if status is not None:
            context["wait_status"] = status
        self.post(job, "exception", context)
        if severity > 0 or job.state in {"CLEANUP", "INACTIVE"}:
            return
        job.fatal = True
        if job.allocated is None:
            self.clean(job)
        else:
            self.interrupt(job, type)

    def clean(self, job: Job) -> None:
        """Make a job inactive that holds no resources anymore."""
        self.queue.discard(job.id)
        for after in _afters(job):
            if after.description in job.depends:
                self.dependencies.forget(job.id, after.target)
        job.stop_timers()
        job.state = "INACTIVE"
        job.log.end()
        self.added.forget(job.id)
        self.post(job, "clean")
        if is_waitable(job.events[0]):
            self.uncollected[job.id] = job_end(job.events)
        self.update_dependents(self.dependencies.ended(job.id, job.outcome))

    def withdraw(self, job: Job) -> None:
        """Remove a job that could not be stored and was never published."""
        job.withdrawn = True
        self.queue.discard(job.id)
        for after in _afters(job):
            self.dependencies.forget(job.id, after.target)
        job.stop_timers()
        if job.state != "INACTIVE" and job.allocated is not None:
            self.pool.free(job.allocated)
        job.state = "INACTIVE"
        job.log.end()
        self.added.forget(job.id)
        self.active.pop(job.id, None)
        if self.dirty is not None:
            self.dirty.pop(job.id, None)
        self.kick()

    # Dependencies.

    def outcome(self, jobid: int) -> Outcome | None:
        """Return the outcome of a job for dependencies, or ``None`` for an unknown job."""
        job = self.active.get(jobid) or self.inactive.get(jobid)
        return None if job is None else job.outcome

    def _admit(self, scheme: str, value: str) -> After | BeginTime:
        dependency = parse_dependency(scheme, value)
        if isinstance(dependency, After):
            outcome = self.outcome(dependency.target)
            if outcome is None:
                raise FluxRefused(f"dependency: {scheme}: id {value}: job not found")
            if outcome.inactive and not dependency.met(outcome):
                raise FluxRefused(dependency.refusal(outcome))
        return dependency

    def _add_dependency(self, job: Job, dependency: After | BeginTime) -> None:
        description = dependency.description
        if description in job.depends:
            return
        if isinstance(dependency, After) and dependency.scheme == "after":
            note = "dependency scheme 'after' is deprecated, use 'afterstart'"
            self.throw(job, "dependency", 3, note)
        job.depends[description] = None
        self.post(job, "dependency-add", {"description": description})
        self.await_dependency(job, dependency)

    def await_dependency(self, job: Job, dependency: After | BeginTime) -> None:
        """Add a dependency to a job; remove it at once if it is met."""
        if isinstance(dependency, BeginTime):
            met = partial(self._dependency_met, job.id, dependency.description)
            job.timers.append(self._wall_timers.call_at(dependency.moment, met))
            return
        outcome = self.outcome(dependency.target)
        if outcome is not None and dependency.met(outcome):
            self._remove_dependency(job, dependency.description)
        elif outcome is None or outcome.inactive:
            why = "can never be satisfied"
            self.throw(job, "dependency", 0, f"dependency {dependency.description} {why}")
        else:
            self.dependencies.wait(job.id, dependency)

    def _remove_dependency(self, job: Job, description: str) -> None:
        if description in job.depends:
            del job.depends[description]
            self.post(job, "dependency-remove", {"description": description})

    def _dependency_met(self, jobid: int, description: str) -> None:
        job = self.active.get(jobid)
        if job is not None and job.state == "DEPEND":
            self._remove_dependency(job, description)
            self._depend(job)

    def _dependency_failed(self, jobid: int, note: str) -> None:
        job = self.active.get(jobid)
        if job is not None and job.state == "DEPEND":
            self.throw(job, "dependency", 0, note)

    def update_dependents(self, steps: Iterator[None]) -> None:
        """Update dependents later: a chain of them would recurse too deeply, or take too long."""
        if not self._due:
            self._loop.call_soon(self._resolve)
        self._due.append(steps)

    def _resolve(self) -> None:
        try:
            for _ in range(_SLICE_JOBS):
                if next(self._due[0], self) is self:
                    self._due.popleft()
                    if not self._due:
                        break
        finally:
            if self._due:
                self._loop.call_soon(self._resolve)

    # Scheduling.

    def _depend(self, job: Job) -> None:
        if job.state == "DEPEND" and not job.depends:
            self.post(job, "depend")
            job.state = "SCHED"
            self._prioritize(job)

    def restart(self, job: Job) -> None:
        """Resume a job that was pending when the service ended (``restart.c``)."""
        self.post(job, "flux-restart")
        job.state = "SCHED"
        self._prioritize(job)

    def resume(self, job: Job) -> None:
        """Resume a job whose dependencies were evaluated again."""
        self._depend(job)

    def _prioritize(self, job: Job) -> None:
        priority = priority_of(job.urgency)
        self.post(job, "priority", {"priority": priority})
        if priority == 0:
            self.queue.discard(job.id)
            self.kick()
            return
        try:
            self.pool.check(job.outline)
        except Infeasible as error:
            self.throw(job, "alloc", 0, str(error))
            return
        if _debugged(job) and not job.has("debug.alloc-request"):
            self.post(job, "debug.alloc-request")
        self.queue.put(job.id, priority)
        self.kick()

    def kick(self) -> None:
        """Schedule in the next pass of the event loop, since resources or the queue changed."""
        if not self._kicked:
            self._kicked = True
            self._loop.call_soon(self._schedule)

    def _schedule(self) -> None:
        self._kicked = False
        for _ in range(_SLICE_JOBS):
            head = self.queue.head()
            if head is None or self.stopped:
                return
            job = self.active[head]
            allocated = self.pool.alloc(job.outline.shape)
            if allocated is None:
                # Strictly in order: no job overtakes the head of the queue.
                return
            self.queue.discard(head)
            job.allocated = allocated
            job.R = self.pool.R(allocated, time.time(), job.outline.duration)
            annotations = {"annotations": {"sched": {"resource_summary": allocated.summary}}}
            live = Event(time.time(), "annotations", annotations)
            self.journal.post(job, JournalMessage(job.id, [live]))
            self.post(job, "alloc", annotations, R=job.R)
            job.state = "RUN"
            if _debugged(job):
                self.post(job, "debug.start-request")
            self.begin(job)
        self.kick()


def _debugged(job: Job) -> bool:
    return bool((job.events[0].context or {}).get("flags", 0) & DEBUG)


def _afters(job: Job) -> list[After]:
    parsed = [parse_dependency(*pair) for pair in job.outline.dependencies if job.depends]
    return [dependency for dependency in parsed if isinstance(dependency, After)]

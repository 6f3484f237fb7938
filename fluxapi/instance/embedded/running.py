"""From alloc to free: the states RUN and CLEANUP of RFC 21, and their events.

This module corresponds to the execution system and the job shell (``src/modules/job-exec``,
``src/shell``).
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from typing import Any

from fluxapi.errors import FluxRefused
from fluxapi.model.idset import encode_idset
from fluxapi.process.timeout import within

from .execution import Execution, exit_code
from .guardian import Guardian
from .ids import IdSource
from .job import Job
from .journal import Journal
from .launcher import Launched, Launcher, Plan
from .lifecycle import Lifecycle
from .output import ERROR_LEVEL, MAX_INLINE_BYTES, OutputLog, header_context
from .poller import Poller
from .scheduler import Pool
from .spool import Spool

__all__ = ["INTERRUPTED", "INTERRUPTED_STATUS", "Running"]

INTERRUPTED = "the service ended while the job ran"
"""The note of the exception of a job that ended with the service."""

INTERRUPTED_STATUS = (128 + signal.SIGKILL) << 8

_DRAIN_TIMEOUT_S = 0.5
"""Seconds for which output is read after the job if a process outside its session has it open."""

_MAX_TIMER_S = 1e8
_FATAL_LEVEL = 0


class Running(Lifecycle):
    """An engine that runs jobs as processes.

    SIGKILL follows ``kill_timeout`` seconds after SIGTERM or SIGALRM.
    """

    def __init__(
        self,
        pool: Pool,
        ids: IdSource,
        journal: Journal,
        new_log: Callable[[int], OutputLog],
        *,
        launcher: Launcher,
        poller: Poller,
        spool: Spool,
        guardian: Guardian,
        kill_timeout: float,
    ) -> None:
        super().__init__(pool, ids, journal, new_log)
        self.running: dict[int, Job] = {}
        self._launcher = launcher
        self._poller = poller
        self._spool = spool
        self._guardian = guardian
        self._kill_timeout = kill_timeout
        self._quiet: asyncio.Event = asyncio.Event()

    # Requests.

    def kill(self, jobid: int, signum: int) -> None:
        """Send a signal like the job manager (``kill.c``)."""
        if not 0 < signum < signal.NSIG:
            raise FluxRefused("Invalid signal number")
        job = self.find_active(jobid)
        if job.state not in {"RUN", "CLEANUP"}:
            raise FluxRefused("job is not running")
        if job.execution is not None:
            job.execution.kill(signum)
        elif job.plan is not None:
            job.signals.append(signum)

    async def stop(self, term_timeout: float, kill_timeout: float) -> None:
        """End all running jobs: SIGTERM, *term_timeout* seconds, SIGKILL, *kill_timeout*."""
        self.stopped = True
        for job in list(self.running.values()):
            self.throw(job, "exec", 0, INTERRUPTED)
        if not await self._until_quiet(term_timeout):
            for job in list(self.running.values()):
                self._kill_hard(job)
            await self._until_quiet(kill_timeout)

    def abandon(self) -> None:
        """Drop the jobs that did not end, which the caller has killed, and cancel their timers."""
        for job in list(self.running.values()):
            if job.execution is not None:
                job.execution.abandon()
            self._finish(job, INTERRUPTED_STATUS)
        for job in self.active.values():
            job.stop_timers()

    async def _until_quiet(self, seconds: float) -> bool:
        self._quiet.clear()
        if self.running:
            try:
                await within(seconds, self._quiet.wait())
            except (TimeoutError, asyncio.TimeoutError):
                return False
        return True

    # Start.

    def begin(self, job: Job) -> None:
        """Start the processes of a job, or their simulation."""
        self.running[job.id] = job
        assert job.allocated is not None  # noqa: S101 - it has its resources
        if job.outline.test is not None:
            self._begin_test(job)
            return
        plan = job.plan = Plan(job.id, job.jobspec, job.allocated, may_wait=job.outline.may_wait)
        # Only after the allocation is stored, so that no job runs twice after a restart.
        self.journal.then(lambda: self._launcher.launch(plan, self._launched))

    def withdraw(self, job: Job) -> None:
        """Remove a job without started processes."""
        super().withdraw(job)
        if job.plan is not None:
            job.plan.aborted = True
        self.running.pop(job.id, None)
        if not self.running:
            self._quiet.set()

    def _begin_test(self, job: Job) -> None:
        test = job.outline.test
        assert test is not None  # noqa: S101 - that is why this was called
        if test.mock_exception == "init":
            self.throw(job, "exec", 0, "mock initialization exception generated")
            return
        self._started(job)
        if test.duration > 0:
            delay = min(test.duration, _MAX_TIMER_S)
            job.timers.append(self._loop.call_later(delay, self._finish, job, test.wait_status))
        if test.mock_exception == "run":
            self.throw(job, "exec", 0, "mock run exception generated")

    def _started(self, job: Job) -> None:
        self.post(job, "start")
        self.update_dependents(self.dependencies.started(job.id))
        if job.outline.duration > 0:
            delay = min(job.outline.duration, _MAX_TIMER_S)
            job.timers.append(self._loop.call_later(delay, self._expire, job))

    def _launched(self, plan: Plan, launched: Launched) -> None:
        job = self.running.get(plan.jobid)
        if job is None:
            self._discard(launched)
            return
        job.tmpdir = launched.tmpdir
        if plan.aborted and not launched.tasks:
            self._discard(launched)
            self._release(job)
            return
        self._started(job)
        self._head(job, launched)
        job.execution = Execution(
            launched,
            job.log,
            self._poller,
            self._spool,
            self._guardian,
            on_exit=lambda rank, status: self._task_ended(job, rank, status),
            on_output=lambda: self.wrote(job),
            on_done=lambda: self._done(job),
        )
        if launched.error is not None:
            job.execution.verdict = launched.error.code
            self._log_entry(job, _FATAL_LEVEL, launched.error.note)
            self.throw(job, "exec", 0, launched.error.note)
            job.execution.kill(signal.SIGKILL)
            if not launched.tasks:
                self._done(job)
        elif job.fatal:
            job.execution.kill(signal.SIGTERM)
        for signum in job.signals:
            job.execution.kill(signum)

    def _discard(self, launched: Launched) -> None:
        for file in launched.labels.values():
            self._spool.labels.close(file)

    def _head(self, job: Job, launched: Launched) -> None:
        """Write the first entries of the output log."""
        ntasks = job.outline.ntasks
        job.log.write("header", header_context(ntasks))
        ranks = encode_idset(range(ntasks), brackets=True)
        for stream, path in launched.redirects.items():
            job.log.write("redirect", {"stream": stream, "rank": ranks, "path": path})
        for warning in launched.warnings:
            self._log_entry(job, ERROR_LEVEL, warning)
        self.wrote(job)

    def _log_entry(self, job: Job, level: int, message: str) -> None:
        context: dict[str, Any] = {"rank": 0, "level": level, "message": message}
        job.log.write("log", context)
        self.wrote(job)

    def wrote(self, job: Job) -> None:
        """Store the output log that has grown; small logs are stored in the job's row."""
        if self.dirty is not None and job.log.size <= MAX_INLINE_BYTES:
            self.dirty[job.id] = job
            self.journal.touch()

    # End.

    def interrupt(self, job: Job, type: str) -> None:
        """Send SIGTERM (SIGALRM at the time limit) after a fatal exception, later SIGKILL."""
        signum = signal.SIGALRM if type == "timeout" else signal.SIGTERM
        if job.outline.test is not None:
            if job.has("start"):
                self._finish(job, int(signum))
            else:
                self._release(job)
            return
        if job.execution is not None and job.execution.has_ended:
            # It waits for its files only, which may be on a file server that does not answer.
            self._finish(job, job.execution.code << 8)
            return
        if job.execution is not None:
            job.execution.kill(signum)
        elif job.plan is not None:
            job.plan.aborted = True
        if not job.killing:
            job.killing = True
            job.timers.append(self._loop.call_later(self._kill_timeout, self._kill_hard, job))

    def _kill_hard(self, job: Job) -> None:
        if job.execution is not None and job.execution.has_ended:
            # Nothing is left to kill: it waits for its files, as in interrupt().
            self._finish(job, job.execution.code << 8)
            return
        if job.execution is not None:
            job.execution.kill(signal.SIGKILL)
        job.timers.append(self._loop.call_later(self._kill_timeout, self._kill_hard, job))

    def _expire(self, job: Job) -> None:
        self.throw(job, "timeout", 0, "resource allocation expired")

    def _task_ended(self, job: Job, rank: int, status: int) -> None:
        execution = job.execution
        if execution is None:
            return
        outline = job.outline
        first, job.doomed = not job.doomed, True
        if first and outline.exit_on_error and exit_code(status) != 0:
            note = _task_note(job, rank, self.pool.hostname)
            self._doom(job, f"{note} failed{_how(status)} and exit-on-error is set", status)
        elif first and execution.alive and outline.exit_timeout is not None:
            delay = min(outline.exit_timeout, _MAX_TIMER_S)
            job.timers.append(self._loop.call_later(delay, self._outlived, job, rank, status))
        if execution.draining:
            job.timers.append(self._loop.call_later(_DRAIN_TIMEOUT_S, execution.finish))

    def _outlived(self, job: Job, rank: int, status: int) -> None:
        if job.execution is None or not job.execution.alive:
            return
        note = _task_note(job, rank, self.pool.hostname)
        limit = f"exit-timeout={job.outline.exit_timeout:g}s"
        self._doom(job, f"{note} exited{_how(status)} and {limit} has expired", status)

    def _doom(self, job: Job, note: str, status: int) -> None:
        """End the job because one task has exited, with its exit code (``src/shell/doom.c``)."""
        if job.execution is not None:
            job.execution.verdict = exit_code(status)
        self._log_entry(job, _FATAL_LEVEL, note)
        self.throw(job, "exec", 0, note, status)

    def _done(self, job: Job) -> None:
        """End a job without processes once its files are written, as Flux's shell does."""
        execution = job.execution
        if execution is not None:
            execution.release(lambda: self._written(job, execution))

    def _written(self, job: Job, execution: Execution) -> None:
        if job.execution is execution:
            self._finish(job, execution.code << 8)

    def _finish(self, job: Job, status: int) -> None:
        job.state = "CLEANUP"
        if job.has("start"):
            self.post(job, "finish", {"status": status})
        self._release(job)

    def _release(self, job: Job) -> None:
        job.state = "CLEANUP"
        job.stop_timers()
        execution, job.execution = job.execution, None
        if execution is not None:
            execution.release(lambda: None)
        self.running.pop(job.id, None)
        if job.tmpdir is not None:
            self._launcher.remove(job.tmpdir)
        self.post(job, "release", {"ranks": "all", "final": True})
        if job.allocated is not None:
            self.pool.free(job.allocated)
        self.post(job, "free")
        self.clean(job)
        self.kick()
        if not self.running:
            self._quiet.set()


def _task_note(job: Job, rank: int, hostname: str) -> str:
    return f"{job.outline.program}: task rank {rank} on host {hostname}"


def _how(status: int) -> str:
    """Describe a wait status in parentheses."""
    if os.WIFSIGNALED(status):
        return f" ({signal.strsignal(os.WTERMSIG(status))})"
    return f" (Exit {os.WEXITSTATUS(status)})"

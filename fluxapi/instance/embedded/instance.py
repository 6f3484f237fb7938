"""The embedded instance: the instance protocol, implemented with processes of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

import fluxapi
from fluxapi.errors import FluxapiError, FluxRefused, InstanceUnavailable, JobNotFound, NotFound
from fluxapi.instance.protocol import (
    CLOSE_TIMEOUT_S,
    Capabilities,
    ChangeBatch,
    InstanceInfo,
    Last,
    LookupKey,
    OutputBatch,
    Queue,
    Resources,
    Submission,
)
from fluxapi.model.eventlog import Event, decode_eventlog, encode_eventlog
from fluxapi.model.job_end import JobEnd
from fluxapi.model.jobid import encode_f58
from fluxapi.process.timeout import within
from fluxapi.process.timeslice import TimeSlice

from .guardian import Guardian
from .history import MAX_INACTIVE_BYTES, History
from .ids import IdSource
from .job import Ended, Job, redacted
from .journal import Journal
from .launcher import Launcher
from .output import OutputLog
from .poller import Poller
from .remover import Remover
from .running import Running
from .scheduler import Pool
from .spool import Spool
from .store import SECRET_BYTES, Store
from .sweeper import remove_tree

__all__ = ["EmbeddedInstance"]

_log = logging.getLogger(__name__)
_MAX_REASON_LENGTH = 200
_NOT_STORED = "The job was not submitted: it could not be stored. Send the request again."

_MAX_TERM_TIMEOUT_S = 2.0
"""Upper limit of the time after SIGTERM that running jobs have when the instance ends."""

_SWEEP_TIMEOUT_S = 1.0
"""Timeout of the clean-up of jobs, and again of their files."""

_TERM_SHARE = 0.6
"""Share of the close timeout that jobs have after SIGTERM."""

_KILL_SHARE = 0.1
"""Share of the close timeout for jobs after SIGKILL, and again for their remaining processes."""


class EmbeddedInstance:
    """An instance that runs jobs as processes of this machine, with Flux's states and events.

    ``cores`` and ``gpus`` are the resources to schedule (by default the cores that this process may
    use, and no GPUs); ``statedir`` is the folder of the history, which is lost on :meth:`close`
    without one; at most ``max_inactive`` ended jobs and ``max_inactive_bytes`` of them are kept,
    older ones are purged with their output; a job gets SIGKILL ``kill_timeout`` seconds after
    SIGTERM; ``output_tail`` bytes of a running job's output stay in memory (all of it is in a
    file).
    """

    def __init__(
        self,
        *,
        cores: int | None = None,
        gpus: int = 0,
        hostname: str | None = None,
        statedir: Path | None = None,
        max_inactive: int = 100_000,
        max_inactive_bytes: int = MAX_INACTIVE_BYTES,
        kill_timeout: float = 5.0,
        output_tail: int = 1 << 16,
    ) -> None:
        self._cores = cores or len(os.sched_getaffinity(0))
        self._gpus = gpus
        self._hostname = hostname or socket.gethostname()
        self._statedir = statedir
        self._limits = max_inactive, max_inactive_bytes
        self._kill_timeout = kill_timeout
        self._output_tail = output_tail
        self._engine: Running | None = None
        self._parts: _Parts | None = None

    async def start(self) -> InstanceInfo:
        """Start, and restore the history in the state directory."""
        if self._parts is not None:
            raise InstanceUnavailable("The embedded instance has been started before.")
        parts = self._parts = _Parts(self._hostname)
        try:
            await parts.open(self._statedir)
            pool = Pool(self._cores, self._gpus, self._hostname)
            engine = Running(
                pool,
                IdSource(parts.epoch),
                parts.journal,
                self._new_log,
                launcher=parts.launcher,
                poller=parts.poller,
                spool=parts.spool,
                guardian=parts.guardian,
                kill_timeout=self._kill_timeout,
            )
            parts.history = History(engine, parts.spool, parts.store, *self._limits)
            if parts.store is not None:
                await parts.history.restore()
                engine.ids = IdSource(parts.epoch, max([*engine.active, *engine.inactive, 0]))
        except BaseException as error:
            await parts.close()
            if isinstance(error, OSError):
                raise InstanceUnavailable(f"The embedded instance cannot start: {error}") from error
            raise
        self._engine = engine
        return InstanceInfo(
            kind="embedded",
            version=fluxapi.__version__,
            uri=None,
            size=1,
            hostname=self._hostname,
            owner=engine.owner,
            starttime=parts.epoch,
            statedir=None if self._statedir is None else str(self._statedir),
            capabilities=Capabilities(scripts="task"),
            cwd=str(Path.cwd()),
        )

    async def close(self, timeout: float = CLOSE_TIMEOUT_S) -> None:
        """End all running jobs and release all resources; pending jobs stay in the history."""
        engine, self._engine = self._engine, None
        if engine is None or self._parts is None:
            return
        parts = self._parts
        deadline = time.monotonic() + timeout
        kill = timeout * _KILL_SHARE
        try:
            await self._stop(engine, timeout)
            await parts.guardian.close(kill)
            engine.abandon()
            await within(deadline - time.monotonic(), parts.journal.settled())
        except asyncio.TimeoutError:
            _log.warning("the ends of the last jobs were not stored in time")
        except Exception:  # noqa: BLE001 - the rest is to be closed all the same
            _log.exception("the embedded instance failed to close")
        await parts.journal.aclose()
        try:
            await within(max(deadline - time.monotonic(), kill), parts.close())
        except asyncio.TimeoutError:
            _log.warning("the files of the embedded instance were not closed in time")

    async def end_jobs(self, timeout: float) -> None:
        """End all running jobs; see :class:`~fluxapi.instance.protocol.JobEnder`."""
        if self._engine is not None:
            await self._stop(self._engine, timeout)

    async def _stop(self, engine: Running, timeout: float) -> None:
        term = min(self._kill_timeout, _MAX_TERM_TIMEOUT_S, timeout * _TERM_SHARE)
        await engine.stop(term, timeout * _KILL_SHARE)

    async def submit(self, submissions: Sequence[Submission]) -> list[int | FluxapiError]:
        """Submit jobs in order; with a state directory they are stored before this returns.

        The error of one job is its result, and does not affect the others.
        """
        engine = self._running()
        results: list[int | FluxapiError] = []
        taken: list[tuple[int, Job]] = []
        turn = TimeSlice()
        for submission in submissions:
            await turn.share()
            if submission.has_left():
                results.append(InstanceUnavailable("The client left before the job was submitted."))
                continue
            try:
                self._check_store()
                jobid = self._running().submit(submission)
                taken.append((len(results), engine.active[jobid]))
                results.append(jobid)
            except FluxapiError as error:
                results.append(error)
            except Exception as error:  # noqa: BLE001 - whatever it is, the others are taken in
                results.append(_unreadable(error))
        if taken:
            await engine.journal.settled()
        for place, job in taken:
            if job.withdrawn:
                results[place] = self._store_failure() or InstanceUnavailable(_NOT_STORED)
        return results

    async def settle(self) -> None:
        """Return at once: a job that another process submitted is stored or does not exist."""

    async def secret(self) -> bytes:
        """Return the secret of the state directory, or one that lasts as long as the instance."""
        self._running()
        assert self._parts is not None  # noqa: S101 - it runs
        return self._parts.secret

    async def raise_exception(
        self, jobid: int, type: str, severity: int, note: str | None = None
    ) -> None:
        """Raise a job exception; a fatal one ends the job."""
        self._running().raise_exception(jobid, type, severity, note)

    async def post_memo(self, jobid: int, memo: dict[str, Any], *, volatile: bool = False) -> None:
        """Post a memo to an active job."""
        self._check_store()
        self._running().post_memo(jobid, memo, volatile=volatile)

    async def kill(self, jobid: int, signum: int) -> None:
        """Send a signal to the process groups of all tasks."""
        self._running().kill(jobid, signum)

    async def set_urgency(self, jobid: int, urgency: int) -> None:
        """Set the urgency of a pending job."""
        self._check_store()
        self._running().set_urgency(jobid, urgency)

    async def collect(self, jobid: int) -> JobEnd:
        """Return how an inactive waitable job has ended, once."""
        return self._running().collect(jobid)

    async def lookup(self, jobid: int, key: LookupKey) -> str:
        """Return the eventlog, jobspec or R of a job."""
        job = self._find(jobid)
        if key == "jobspec":
            # As in Flux's KVS, where only the signed jobspec contains the environment.
            return redacted(job.jobspec).decode()
        if key == "eventlog":
            text = encode_eventlog(job.events) if isinstance(job, Job) else job.eventlog
            return text.decode()
        if key == "guest.exec.eventlog":
            raise NotFound("The embedded instance has no job shell, and keeps no events of it.")
        if job.R is None:
            raise NotFound(f"Job {encode_f58(jobid)} has no such record: it has no resources.")
        return (job.R if isinstance(job.R, bytes) else msgspec.json.encode(job.R)).decode()

    async def eventlog(self, jobid: int) -> list[Event]:
        """Return the events of a job."""
        job = self._find(jobid)
        return list(job.events) if isinstance(job, Job) else decode_eventlog(job.eventlog)

    async def output(
        self, jobid: int, *, follow: bool = False, first: int = 0, last: Last | None = None
    ) -> AsyncIterator[OutputBatch]:
        """Yield the output eventlog in batches of up to 256 KiB."""
        log = self._find(jobid).log
        assert self._parts is not None  # noqa: S101 - there is a job
        async for batch in self._parts.spool.read(log, follow=follow, first=first, last=last):
            yield batch

    async def resources(self) -> Resources:
        """Return the resources of the one node, which is always up."""
        pool = self._running().pool
        allocated = pool.allocated()
        R = None
        if allocated is not None:
            R = pool.R(allocated)
            del R["execution"]["nslots"]
        return Resources(pool.R(None), R, None, {}, online="0", offline="", exclude="", torpid="")

    async def queues(self) -> list[Queue]:
        """Return the anonymous queue."""
        running = self._engine is not None
        return [Queue("", enabled=running, started=running, default=True)]

    async def changes(self) -> AsyncIterator[ChangeBatch]:
        """Yield the backlog, the sentinel, then live messages; unread ones stay in memory."""
        engine = self._running()
        async for batch in engine.journal.read(engine.active, engine.inactive):
            yield batch

    async def ping(self) -> None:
        """Raise ``InstanceUnavailable`` if the instance does not run or cannot store jobs."""
        self._running()
        self._check_store()

    async def shutdown(self) -> None:
        """End the instance, as :meth:`close` does."""
        self._running()
        await self.close()

    def _running(self) -> Running:
        if self._engine is None:
            raise InstanceUnavailable("The embedded instance is not running.")
        return self._engine

    def _find(self, jobid: int) -> Job | Ended:
        engine = self._running()
        job = engine.active.get(jobid) or engine.inactive.get(jobid)
        if job is None:
            raise JobNotFound(f"There is no job {encode_f58(jobid)}.")
        return job

    def _check_store(self) -> None:
        failure = self._store_failure()
        if failure is not None:
            raise failure

    def _store_failure(self) -> InstanceUnavailable | None:
        history = None if self._parts is None else self._parts.history
        if history is None or history.failure is None:
            return None
        return InstanceUnavailable(history.failure.detail)

    def _new_log(self, jobid: int) -> OutputLog:
        assert self._parts is not None  # noqa: S101 - it is called by the engine
        return OutputLog(self._parts.outputs / f"{jobid}.jsonl", self._output_tail)


class _Parts:
    """The resources that the instance opens when it starts and closes when it ends."""

    def __init__(self, hostname: str) -> None:
        self._hostname = hostname
        self._folders = ThreadPoolExecutor(1, "fluxapi-folder")
        self._writes = ThreadPoolExecutor(1, "fluxapi-output")
        self._sweeps = ThreadPoolExecutor(1, "fluxapi-sweep")
        self._rundir: Path | None = None
        self.epoch = time.time()
        self.store: Store | None = None
        self.history: History | None = None
        self.poller = Poller()
        self.journal = Journal()
        self.spool = Spool(self._writes)
        self.guardian = Guardian(self._sweeps, self.poller)
        self.remover = Remover()
        self.secret = secrets.token_bytes(SECRET_BYTES)

    async def open(self, statedir: Path | None) -> None:
        """Open all resources; this blocks."""
        loop = asyncio.get_running_loop()
        if statedir is not None:
            self.store = Store(statedir)
            self.epoch = await self.store.open()
            self.secret = self.store.secret
        rundir = await loop.run_in_executor(self._folders, self._make_rundir)
        self.outputs = rundir if self.store is None else self.store.outputs
        self.launcher = Launcher(self.guardian.cookie, rundir, self._hostname, self.remover)
        await self.guardian.start(rundir)

    async def close(self) -> None:
        """Close all resources, whatever their state."""
        loop = asyncio.get_running_loop()
        self.remover.close()
        await self.guardian.close(_SWEEP_TIMEOUT_S)
        await self.spool.settle(_SWEEP_TIMEOUT_S)
        if self.history is not None:
            await self.history.close()
        if self.store is not None:
            try:
                await self.store.close()
            except FluxapiError as error:
                _log.warning("%s", error.detail)
        self.poller.close()
        await loop.run_in_executor(self._folders, self._remove_rundir)
        for executor in (self._folders, self._writes, self._sweeps):
            executor.shutdown(wait=False)

    # In one thread, one after the other, so that files of a canceled start are removed, too.

    def _make_rundir(self) -> Path:
        self._rundir = Path(tempfile.mkdtemp(prefix="fluxapi-"))
        return self._rundir

    def _remove_rundir(self) -> None:
        if self._rundir is not None:
            deadline = time.monotonic() + _SWEEP_TIMEOUT_S
            # The sweeper has removed it, or does so now.
            with contextlib.suppress(OSError):
                remove_tree(str(self._rundir), lambda: time.monotonic() > deadline)


def _unreadable(error: Exception) -> FluxRefused:
    """Return the refusal of a jobspec that made the parser fail."""
    reason = " ".join(str(error).split())[:_MAX_REASON_LENGTH] or type(error).__name__
    _log.error("a jobspec cannot be read: %s: %s", type(error).__name__, reason)
    return FluxRefused(f"the jobspec cannot be read: {reason}")

"""What becomes of jobs that ended, and of all jobs when the service ends and starts again."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import msgspec

from fluxapi.errors import FluxRefused, InstanceUnavailable
from fluxapi.model.eventlog import (
    Event,
    JournalMessage,
    Purged,
    decode_eventlog,
    encode_eventlog,
)

from .dependencies import parse_dependency
from .job import Ended, Job
from .journal import Posted
from .output import OutputLog
from .request import parse_request
from .running import INTERRUPTED, INTERRUPTED_STATUS, Running
from .spool import Spool
from .store import Row, Store

__all__ = ["History"]

_log = logging.getLogger(__name__)


class History:
    """Moves published jobs from active to inactive, stores them, purges the oldest.

    At most ``max_inactive`` inactive jobs are kept, in memory and in the store alike; a job that
    is purged is gone for good, with its output, as after ``flux job purge``.
    """

    def __init__(
        self, engine: Running, spool: Spool, store: Store | None, max_inactive: int
    ) -> None:
        self.failure: InstanceUnavailable | None = None
        self._engine = engine
        self._spool = spool
        self._store = store
        self._max = max_inactive
        self._gone: list[int] = []
        self._removals: set[asyncio.Task[None]] = set()
        engine.journal.published = self._published
        if store is not None:
            engine.dirty = {}
            engine.journal.persist = self._persist

    async def close(self) -> None:
        """Return when all deletions are done."""
        while self._removals:
            await asyncio.wait(self._removals)

    def _published(self, posted: Posted) -> None:
        job, message = posted
        if job is None or not isinstance(message, JournalMessage):
            return
        if message.events[0].name == "clean":
            self._engine.active.pop(job.id, None)
            self._engine.inactive[job.id] = Ended.of(job)
            self._purge()

    def _purge(self) -> None:
        inactive = self._engine.inactive
        surplus = len(inactive) - self._max
        if surplus <= 0:
            return
        ids = [jobid for jobid, _ in zip(inactive, range(surplus), strict=False)]
        files: list[Path] = []
        for jobid in ids:
            output = inactive.pop(jobid).output
            if isinstance(output, OutputLog):
                files.append(output.path)
        if self._store is not None:
            self._gone += ids
        if files:
            task = asyncio.get_running_loop().create_task(self._spool.remove(files))
            self._removals.add(task)
            task.add_done_callback(self._removals.discard)
        self._engine.journal.post(None, Purged(ids))

    async def _persist(self) -> None:
        engine, store = self._engine, self._store
        assert store is not None  # noqa: S101 - it is called for a store only
        jobs, engine.dirty = engine.dirty or {}, {}
        gone, self._gone = self._gone, []
        rows = [_row(job) for job in jobs.values() if job.id not in gone]
        try:
            # What the row of an ended job says of its output must be true.
            await self._spool.flushed(job.log for job in jobs.values() if job.log.ended)
            await store.save(rows, gone)
        except InstanceUnavailable as error:
            if self.failure is None:
                _log.error("%s", error.detail)
            self.failure = error

    async def restore(self) -> None:
        """Load the stored jobs and take up those that had not ended."""
        store = self._store
        assert store is not None  # noqa: S101 - as above
        engine = self._engine
        unfinished: list[Job] = []
        rows = await store.load()
        for row in rows:
            path = store.outputs / f"{row.id}.jsonl"
            log = OutputLog.stored(path, row.output, row.output_size)
            if not row.active:
                output = log if row.output is None else row.output
                engine.inactive[row.id] = Ended(row.id, row.jobspec, row.eventlog, row.R, output)
                continue
            job = _active(row, log, engine.pool.hostname)
            if job is not None:
                engine.active[job.id] = job
                unfinished.append(job)
        await asyncio.gather(*(asyncio.to_thread(_measure, job.log) for job in unfinished))
        for job in sorted(unfinished, key=lambda job: job.id):
            self._take_up(job)
        self._purge()

    def _take_up(self, job: Job) -> None:
        engine = self._engine
        if job.has("alloc"):
            if not job.has("finish"):
                engine.throw(job, "exec", 0, INTERRUPTED)
                if job.has("start"):
                    engine.post(job, "finish", {"status": INTERRUPTED_STATUS})
            if not job.has("release"):
                engine.post(job, "release", {"ranks": "all", "final": True})
            if not job.has("free"):
                engine.post(job, "free")
            engine.clean(job)
            return
        # It has not written anything: its log is to be an empty one that is open.
        job.log = OutputLog(job.log.path, job.log.keep)
        if job.has("priority"):
            engine.restart(job)
            return
        job.state = "DEPEND"
        for scheme, value in job.request.dependencies:
            dependency = parse_dependency(scheme, value)
            if dependency.description in job.depends and job.state == "DEPEND":
                engine.await_dependency(job, dependency)
        engine.resume(job)


def _row(job: Job) -> Row:
    inline = job.log.inline
    return Row(
        id=job.id,
        active=job.state != "INACTIVE",
        changed=job.events[-1].timestamp,
        jobspec=job.jobspec,
        eventlog=encode_eventlog(job.events),
        R=None if job.R is None else msgspec.json.encode(job.R),
        output=inline,
        output_size=job.log.size,
    )


def _active(row: Row, log: OutputLog, hostname: str) -> Job | None:
    try:
        request, _ = parse_request(row.jobspec, hostname)
    except FluxRefused as error:
        # A host constraint can name a host that this machine was called before.
        _log.warning("job %d is not taken up: %s", row.id, error.detail)
        return None
    job = Job(row.id, row.jobspec, request, log)
    job.events = decode_eventlog(row.eventlog)
    job.published = len(job.events)
    job.R = None if row.R is None else msgspec.json.decode(row.R)
    job.state = "CLEANUP"
    for event in job.events:
        _replay(job, event)
    return job


def _replay(job: Job, event: Event) -> None:
    context = event.context or {}
    if event.name in {"submit", "urgency"}:
        job.urgency = context["urgency"]
    elif event.name == "dependency-add":
        job.depends[context["description"]] = None
    elif event.name == "dependency-remove":
        job.depends.pop(context["description"], None)


def _measure(log: OutputLog) -> None:
    log.recover()

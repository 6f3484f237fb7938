"""Stores ended jobs, and restores all jobs when the service restarts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import msgspec

from fluxapi.errors import FluxRefused, InstanceUnavailable
from fluxapi.model.eventlog import Event, JournalMessage, Purged, decode_eventlog, encode_eventlog
from fluxapi.process.background import Worker
from fluxapi.process.timeslice import TimeSlice

from .dependencies import parse_dependency
from .ids import MAX_ID
from .job import Ended, Job, log_unreadable
from .journal import Posted
from .outline import Outline
from .output import OutputLog
from .request import parse_request
from .running import INTERRUPTED, INTERRUPTED_STATUS, Running
from .spool import Spool
from .store import Row, Store

__all__ = ["History"]

_log = logging.getLogger(__name__)

MAX_INACTIVE_BYTES = 512 << 20
"""Bytes of the inactive jobs that are kept, and stay in memory."""


class History:
    """The history, which moves jobs from active to inactive, stores them and purges the oldest.

    It keeps at most ``max_inactive`` inactive jobs and ``max_bytes`` of them, in memory and in the
    store; a purge deletes a job with its output, as ``flux job purge`` does.
    """

    def __init__(
        self,
        engine: Running,
        spool: Spool,
        store: Store | None,
        max_inactive: int,
        max_bytes: int = MAX_INACTIVE_BYTES,
    ) -> None:
        self.failure: InstanceUnavailable | None = None
        self._engine = engine
        self._spool = spool
        self._store = store
        self._max = max_inactive
        self._max_bytes = max_bytes
        self._bytes = 0
        self._gone: list[int] = []
        self._unused: list[Path] = []
        self._removal = Worker("removal of output", self._remove_unused)
        engine.journal.published = self._published
        if store is not None:
            engine.dirty = {}
            engine.journal.persist = self._persist

    async def close(self) -> None:
        """Wait until all deletions are done."""
        while self._removal.is_running:
            await self._removal.ended()

    def _published(self, posted: Posted) -> None:
        job, message = posted
        if job is None or not isinstance(message, JournalMessage):
            return
        if message.events[0].name == "clean":
            self._engine.active.pop(job.id, None)
            self._keep(Ended.of(job))
            self._purge()

    def _keep(self, ended: Ended) -> None:
        self._engine.inactive[ended.id] = ended
        self._bytes += ended.size

    def _purge(self) -> None:
        inactive = self._engine.inactive
        ids: list[int] = []
        files: list[Path] = []
        while len(inactive) > self._max or self._bytes > self._max_bytes:
            oldest = inactive.pop(next(iter(inactive)))
            self._engine.uncollected.pop(oldest.id, None)
            self._bytes -= oldest.size
            ids.append(oldest.id)
            if isinstance(oldest.output, OutputLog):
                files.append(oldest.output.path)
        if not ids:
            return
        if self._store is not None:
            self._gone += ids
        if files:
            self._unused += files
            self._removal.start()
        self._engine.journal.post(None, Purged(ids))

    async def _remove_unused(self) -> None:
        while self._unused:
            files, self._unused = self._unused, []
            await self._spool.remove(files)

    async def _persist(self) -> bool:
        """Store the changes and return whether that succeeded; on failure they stay pending.

        On failure, a job that was never stored is withdrawn: it has not been published.
        """
        engine, store = self._engine, self._store
        assert store is not None  # noqa: S101 - it is called for a store only
        jobs, engine.dirty = engine.dirty or {}, {}
        gone, self._gone = self._gone, []
        try:
            forgotten = set(gone)
            rows = await _rows(job for job in jobs.values() if job.id not in forgotten)
            # The row of an ended job describes its output, which must be written first.
            await self._spool.flushed(job.log for job in jobs.values() if job.log.ended)
            await store.save(rows, gone)
        except Exception as error:  # noqa: BLE001 - it is tried again, whatever it was
            self._fail(error)
            engine.dirty = jobs | engine.dirty
            self._gone = gone + self._gone
            for job in [job for job in engine.dirty.values() if not job.published]:
                engine.withdraw(job)
                # If it was stored nevertheless, it must not run after a restart.
                self._gone.append(job.id)
            return False
        if self.failure is not None:
            _log.warning("the state directory can be written again")
            self.failure = None
        return True

    def _fail(self, error: Exception) -> None:
        reason = error.detail if isinstance(error, InstanceUnavailable) else f"{error!r}"
        if self.failure is None:
            _log.error("jobs cannot be stored: %s", reason)
        self.failure = InstanceUnavailable(
            f"Jobs cannot be stored, so none are accepted. {reason.rstrip('.')}. Free space in "
            "the state directory, then send the request again; no restart is needed."
        )

    async def restore(self) -> None:
        """Load the stored jobs and resume those that had not ended."""
        store = self._store
        assert store is not None  # noqa: S101 - as above
        engine = self._engine
        unfinished: list[Job] = []
        rows = await asyncio.to_thread(_readable, await store.load())
        turn = TimeSlice()
        # Mostly, thousands of pending jobs have few jobspecs.
        outline_of = lru_cache(maxsize=16)(partial(_outline, hostname=engine.pool.hostname))
        for row in rows:
            await turn.share()
            path = store.outputs / f"{row.id}.jsonl"
            log = OutputLog.stored(path, row.output, row.output_size)
            jobspec = engine.kept_jobspec(row.jobspec)
            if not row.active:
                output = log if row.output is None else row.output
                self._keep(Ended(row.id, jobspec, row.eventlog, row.R, output))
                continue
            job = _active(row, jobspec, log, outline_of)
            if job is not None:
                engine.active[job.id] = job
                engine.added.restore(job.id, job.events)
                unfinished.append(job)
        # A call of a thread for each of thousands of pending jobs, which have no output, would take
        # seconds.
        begun = [job.log for job in unfinished if job.has("alloc")]
        await asyncio.to_thread(_measure, begun)
        for job in sorted(unfinished, key=lambda job: job.id):
            await turn.share()
            try:
                self._take_up(job)
            except Exception as error:  # noqa: BLE001 - one job may not stop the start
                job.withdrawn = True
                engine.queue.discard(job.id)
                engine.active.pop(job.id, None)
                if engine.dirty is not None:
                    engine.dirty.pop(job.id, None)
                log_unreadable(job.id, error)
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
        # It has not written anything, so its log is empty and open.
        job.log = OutputLog(job.log.path, job.log.keep)
        if job.has("priority"):
            engine.restart(job)
            return
        job.state = "DEPEND"
        for scheme, value in job.outline.dependencies:
            dependency = parse_dependency(scheme, value)
            if dependency.description in job.depends and job.state == "DEPEND":
                engine.await_dependency(job, dependency)
        engine.resume(job)


async def _rows(jobs: Iterable[Job]) -> list[Row]:
    """Return the rows of jobs; thousands may have gathered while the disk was slow."""
    turn = TimeSlice()
    rows: list[Row] = []
    for job in jobs:
        await turn.share()
        rows.append(_row(job))
    return rows


def _row(job: Job) -> Row:
    inline = job.log.inline
    # The file contains a part of a log that could not be written completely.
    lost = job.log.failure is not None and inline is None
    return Row(
        id=job.id,
        active=job.state != "INACTIVE",
        changed=job.events[-1].timestamp,
        jobspec=job.jobspec,
        eventlog=encode_eventlog(job.events),
        R=None if job.R is None else msgspec.json.encode(job.R),
        output=inline,
        output_size=job.log.flushed if lost else job.log.size,
    )


def _outline(jobspec: bytes, hostname: str) -> Outline:
    request, _ = parse_request(jobspec, hostname)
    return Outline.of(request, hostname)


def _active(
    row: Row, jobspec: bytes, log: OutputLog, outline_of: Callable[[bytes], Outline]
) -> Job | None:
    try:
        job = Job(row.id, jobspec, outline_of(jobspec), log)
        job.events = decode_eventlog(row.eventlog)
        job.published = len(job.events)
        job.R = None if row.R is None else msgspec.json.decode(row.R)
        job.state = "CLEANUP"
        for event in job.events:
            _replay(job, event)
    except FluxRefused as error:
        # A host constraint may contain an earlier host name of this machine.
        _log.warning("job %d is not resumed: %s", row.id, error.detail)
        return None
    except Exception as error:  # noqa: BLE001 - no row may stop the others, whatever it holds
        log_unreadable(row.id, error)
        return None
    return job


def _readable(rows: list[Row]) -> list[Row]:
    """Return the valid rows, and log the others, which stay in the store; this blocks."""
    readable = []
    for row in rows:
        try:
            _check(row)
        except Exception as error:  # noqa: BLE001, PERF203 - whatever it holds, the others count
            log_unreadable(row.id, error)
        else:
            readable.append(row)
    return readable


class _Attributes(msgspec.Struct):
    system: dict[str, msgspec.Raw]


class _Jobspec(msgspec.Struct):
    """The fields of a jobspec that :func:`redact` needs."""

    attributes: _Attributes


class _Context(msgspec.Struct, gc=False):
    urgency: int | None = None


class _Event(msgspec.Struct, gc=False):
    """An event without the parts of its context that need no check."""

    timestamp: float
    name: str
    context: _Context | None = None


_jobspec_decoder = msgspec.json.Decoder(_Jobspec)
_R_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
_event_decoder = msgspec.json.Decoder(_Event)


def _check(row: Row) -> None:
    """Raise an exception for a row that this program did not write."""
    output: Any = row.output
    size: Any = row.output_size
    if not 0 < row.id < MAX_ID:
        raise ValueError("its number is not a job ID")
    if not isinstance(output, bytes | None):
        raise TypeError("its output is not text")
    if not isinstance(size, int) or size < len(output or b""):
        raise ValueError("the size of its output is wrong")
    for part in (row.jobspec, row.eventlog, row.R or b""):
        # The decoders skip what they do not need, and do not look at its encoding.
        part.decode()
    _jobspec_decoder.decode(row.jobspec)
    if row.R is not None:
        _R_decoder.decode(row.R)
    events = _event_decoder.decode_lines(row.eventlog)
    if not events:
        raise ValueError("it has no events")
    for event in events:
        if event.name in {"submit", "urgency"} and (event.context or _Context()).urgency is None:
            raise ValueError("its urgency is not a number")


def _replay(job: Job, event: Event) -> None:
    context = event.context or {}
    if event.name in {"submit", "urgency"}:
        job.urgency = context["urgency"]
    elif event.name == "dependency-add":
        job.depends[context["description"]] = None
    elif event.name == "dependency-remove":
        job.depends.pop(context["description"], None)


def _measure(logs: Iterable[OutputLog]) -> None:
    """Recover the logs of jobs that were interrupted; this blocks."""
    for log in logs:
        log.recover()

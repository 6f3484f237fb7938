"""The instance protocol, implemented on a real broker."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Any

import msgspec

from fluxapi.errors import FluxapiError, FluxRefused, InstanceUnavailable, JobNotFound, NotFound
from fluxapi.instance import bindings
from fluxapi.instance.protocol import (
    CLOSE_TIMEOUT_S,
    CallWatch,
    ChangeBatch,
    ChildPlace,
    InstanceInfo,
    Last,
    LookupKey,
    OutputBatch,
    Queue,
    Resources,
    Submission,
)
from fluxapi.model.eventlog import Event, JournalMessage, decode_told
from fluxapi.model.job_end import JobEnd, spoken_note
from fluxapi.model.jobid import encode_f58
from fluxapi.model.shallow import decode, require_narrow
from fluxapi.process.file_piece import Piece, Wanted

from . import identity, ingest, job_ends, leader, resources, shell_log, unfit
from .annotations import pending_annotations
from .below import Below
from .calls import Call, Submissions
from .child import ChildInstance
from .counter import Counter
from .event_pace import EventPace
from .journal import JournalThread
from .node_files import NodeFiles
from .normalize import committed, completed, is_whole
from .output import OutputReader
from .progress import Progress, progress_of
from .rpc import RpcThread
from .secret import shared_secret

__all__ = ["BrokerInstance"]

_LOOKUP_CURRENT = 2
"""FLUX_JOB_LOOKUP_CURRENT: apply the updates of the eventlog to jobspec and R."""

_RUN = 16
"""FLUX_JOB_STATE_RUN."""

_ALL_USERS = 0xFFFFFFFF
"""FLUX_USERID_UNKNOWN."""

_KVS_RETRY_INTERVAL_S = 0.01
"""Seconds between two reads of an eventlog that is not complete; Flux commits as often."""

_THREAD_CLOSE_TIMEOUT_S = 2.0
"""Timeout of joining a thread; one that is stuck in ``flux_open`` ends by itself."""

_MAX_CHILD_STRUCTURE_BYTES = 2 << 20
"""Bytes outside of strings in a response of a child: decoding them blocks all threads for 0.1 s."""

_RANK_0 = 0
_LARGEST_IN_JSON = 2**63
"""Flux reads job IDs in JSON as signed integers; greater ones do not exist."""


class BrokerInstance:
    """A Flux instance, reached through its broker at ``uri`` (default: FLUX_URI).

    ``rpc_timeout`` is the timeout of one call in seconds; submissions may take longer while some of
    them are answered. ``transports`` are the ways to its children, see :class:`.ChildInstance`.
    ``max_structure_bytes`` limits the bytes outside of strings in one response.
    """

    def __init__(
        self,
        uri: str | None = None,
        rpc_timeout: float = 10.0,
        transports: Sequence[str] = ("local", "parent", "ssh"),
        max_structure_bytes: int | None = None,
    ) -> None:
        self._uri = uri
        self._timeout = rpc_timeout
        self._transports = transports
        self._max_structure_bytes = max_structure_bytes
        self._below: Below | None = None
        self._bindings: Any = None
        self._rpc: RpcThread | None = None
        self._outputs: RpcThread | None = None
        self._reader: OutputReader | None = None
        self._files: NodeFiles | None = None
        self._journals: set[JournalThread] = set()
        self._leader = leader.Leader()
        self._watch: CallWatch = contextlib.nullcontext
        self._pace = EventPace(self._call)

    def watch_calls(self, watch: CallWatch) -> None:
        """Wrap every call in *watch*; see :class:`~fluxapi.instance.protocol.Watchable`."""
        self._watch = watch

    async def start(self) -> InstanceInfo:
        """Connect; raise ``InstanceUnavailable``, or ``SettingsError`` without usable bindings."""
        self._bindings = await asyncio.to_thread(_load)
        rpc = self._rpc = RpcThread(self._bindings, self._uri, self._timeout, self._watch)
        outputs = self._outputs = RpcThread(self._bindings, self._uri, self._timeout, self._watch)
        self._below = Below(
            self._bindings,
            self._uri,
            lambda uri: BrokerInstance(
                uri, self._timeout, self._transports, _MAX_CHILD_STRUCTURE_BYTES
            ),
            transports=self._transports,
            timeout=self._timeout,
        )
        self._reader = OutputReader(outputs)
        self._files = NodeFiles(outputs, self._timeout)
        try:
            await asyncio.gather(rpc.start(), outputs.start())
            uri = self._uri or os.environ.get("FLUX_URI")
            info = await identity.identify(self._call, uri)
        except BaseException:
            await self.close(_THREAD_CLOSE_TIMEOUT_S)
            raise
        rpc.sign_for(info.owner)
        return info

    async def close(self, timeout: float = CLOSE_TIMEOUT_S) -> None:
        """End the threads; open journals end with ``InstanceUnavailable``."""
        threads = (self._rpc, self._outputs)
        reader, self._reader = self._reader, None
        self._rpc = self._outputs = self._files = None
        if reader is not None:
            await reader.close()
        ending = [journal.close(timeout) for journal in self._journals]
        self._journals.clear()
        ending += [rpc.close(timeout) for rpc in threads if rpc is not None]
        below, self._below = self._below, None
        if below is not None:
            ending += below.closing(timeout)
        await asyncio.gather(*ending)

    def child(self, place: ChildPlace) -> ChildInstance:
        """Return the instance of a job; see :class:`~fluxapi.instance.protocol.Parent`."""
        return self._children.child(place)

    async def count(self, place: ChildPlace) -> Counter:
        """Count the jobs of a child; see :class:`~fluxapi.instance.protocol.Parent`."""
        return await self._children.count(place)

    @property
    def _children(self) -> Below:
        if self._below is None:
            raise _not_connected()
        return self._below

    async def attribute(self, name: str) -> str:
        """Return an attribute of the broker."""
        return await identity.attribute(self._call, name)

    async def until_running(self) -> None:
        """Wait until the instance runs: before, its modules may not be loaded."""
        await identity.until_running(self._call)

    async def submit(self, submissions: Sequence[Submission]) -> list[int | FluxapiError]:
        """Submit several jobs, pipelined; see :class:`~fluxapi.instance.protocol.Instance`."""
        if not submissions:
            return []
        refused = await unfit.refusals(submissions, self._call)
        if refused:
            sound = [one for place, one in enumerate(submissions) if place not in refused]
            results = iter(await self.submit(sound))
            return [refused.get(place) or next(results) for place in range(len(submissions))]
        return await self._connected().submit(Submissions(submissions))

    async def settle(self) -> None:
        """Wait until the journal has told of all submissions; see :mod:`.ingest`."""
        await ingest.until_announced(self._call)
        # The journal thread may not have processed all messages yet.
        await asyncio.gather(*(journal.pass_fence() for journal in self._journals))

    async def secret(self) -> bytes:
        """Return the secret that the KVS stores for all services; see :mod:`.secret`."""
        return await shared_secret(self._call)

    async def raise_exception(
        self, jobid: int, type: str, severity: int, note: str | None = None
    ) -> None:
        """Raise a job exception (``job-manager.raise``)."""
        body: dict[str, Any] = {"id": jobid, "type": type, "severity": severity}
        if note is not None:
            body["note"] = note if severity else spoken_note(type, note)
        async with self._pace.turn():
            await self._call("job-manager.raise", body, jobid)

    async def post_memo(self, jobid: int, memo: dict[str, Any], *, volatile: bool = False) -> None:
        """Post a memo (``job-manager.memo``)."""
        body = {"id": jobid, "memo": memo, "volatile": volatile}
        async with self._pace.turn():
            await self._call("job-manager.memo", body, jobid)

    async def kill(self, jobid: int, signum: int) -> None:
        """Send a signal (``job-manager.kill``)."""
        await self._call("job-manager.kill", {"id": jobid, "signum": signum}, jobid)

    async def set_urgency(self, jobid: int, urgency: int) -> None:
        """Set the urgency (``job-manager.urgency``)."""
        async with self._pace.turn():
            await self._call("job-manager.urgency", {"id": jobid, "urgency": urgency}, jobid)

    async def collect(self, jobid: int) -> JobEnd:
        """Collect an inactive waitable job."""
        return await job_ends.collect(self._call, jobid, self.eventlog)

    async def lookup(self, jobid: int, key: LookupKey) -> str:
        """Fetch a value from the job's KVS directory (``job-info.lookup``).

        The job manager writes an eventlog some milliseconds after it sends events to the journal.
        This waits for that of an inactive job; others get the events that a reader has just seen.
        """
        if key == shell_log.NAME and self._reader is not None:
            read = self._reader.shell_log
            return await shell_log.read(jobid, self._timeout, read, self._listed, self._lookup)
        if key != "eventlog":
            return await self._lookup(jobid, key)
        stored = ""
        with contextlib.suppress(NotFound):
            stored = await self._lookup(jobid, key)
        until = time.monotonic() + self._timeout
        while not is_whole(stored) and time.monotonic() < until:
            if not (await self._progress(jobid)).has_ended:
                return completed(stored, await self.eventlog(jobid))
            await asyncio.sleep(_KVS_RETRY_INTERVAL_S)
            stored = await self._lookup(jobid, key)
        return stored

    async def eventlog(self, jobid: int) -> list[Event]:
        """Return the events from ``job-manager.getattr``; the KVS is milliseconds behind."""
        body = {"id": jobid, "attrs": ["eventlog"]}
        try:
            told = await self._call("job-manager.getattr", body, jobid, decode_told)
        except FluxRefused:
            raise _no_job(jobid) from None  # EINVAL means an unknown job.
        return committed(told)

    async def output(
        self, jobid: int, *, follow: bool = False, first: int = 0, last: Last | None = None
    ) -> AsyncIterator[OutputBatch]:
        """Yield the RFC 24 output eventlog in batches."""
        begun, ended = await self._progress(jobid)
        reader = self._reader
        if reader is None:
            raise _not_connected()
        if follow and not ended:
            batches = reader.follow(jobid, first=first, last=last, begun=begun)
        elif begun:
            batches = reader.so_far(jobid, first=first, last=last, ended=ended)
        else:
            return
        async with contextlib.aclosing(batches) as found:
            async for batch in found:
                yield batch

    async def read_file(self, rank: int, wanted: Wanted) -> Piece:
        """Read a piece of a file on the node of a broker (``rexec.exec``)."""
        if self._files is None:
            raise _not_connected()
        return await self._files.read(rank, wanted)

    async def resources(self) -> Resources:
        """Return the merged responses of ``resource.status`` and the scheduler."""
        status, sched = await asyncio.gather(
            self._call("resource.status", node=_RANK_0),
            self._call("resource.sched-status", node=_RANK_0),
        )
        return resources.merge(status, sched)

    async def queues(self) -> list[Queue]:
        """Return the queues (``job-manager.queue-list``) with their status."""
        listed, config = await asyncio.gather(
            self._call("job-manager.queue-list"), self._call("config.get")
        )
        names = resources.queue_names(listed, config)
        found = await asyncio.gather(
            *(self._call("job-manager.queue-status", {"name": n} if n else {}) for n in names)
        )
        # For many queues with many properties, this takes a tenth of a second.
        return await asyncio.to_thread(resources.queues, names, found, config)

    async def changes(self) -> AsyncIterator[ChangeBatch]:
        """Yield the journal: the backlog, the sentinel, then live events; and purges."""
        self._connected()
        trusted = self._max_structure_bytes is None
        thread = JournalThread(self._bindings, self._uri, self._timeout, trusted=trusted)
        self._journals.add(thread)
        try:
            # Once the job manager sends the backlog, it answers nothing else.
            resync = await self._leader.resync(self._call)
            thread.start()
            batch: ChangeBatch = [resync, *await thread.next_batch()]
            while True:
                yield batch
                if any(isinstance(it, JournalMessage) and it.is_sentinel for it in batch):
                    self._leader.listed()
                    yield await pending_annotations(self._call)  # Before the next, newer event.
                batch = await thread.next_batch()
        finally:
            await thread.close(min(self._timeout, _THREAD_CLOSE_TIMEOUT_S))
            # Until here its fences fail, so that no caller assumes that its reader keeps up.
            self._journals.discard(thread)

    async def ping(self) -> None:
        """Wait for an answer of the job manager."""
        await self._call("job-manager.ping", {"seq": 0})

    async def cancel_running(self) -> None:
        """Stop the queues and cancel all running jobs, as the shutdown of Flux does."""
        stopped = {"start": False, "all": True, "nocheckpoint": True}
        await self._call("job-manager.queue-start", stopped, node=_RANK_0)
        chosen = {"dry_run": False, "userid": _ALL_USERS, "states": _RUN}
        canceled = {"severity": 0, "type": "cancel", "note": "instance is shutting down"}
        await self._call("job-manager.raiseall", chosen | canceled, node=_RANK_0)

    async def shutdown(self) -> None:
        """Start the shutdown of the instance at rank 0 (``shutdown.start``)."""
        await self._call("shutdown.start", {"loglevel": 4}, node=_RANK_0)

    async def _lookup(self, jobid: int, key: LookupKey) -> str:
        body = {"id": jobid, "keys": [key], "flags": _LOOKUP_CURRENT}
        try:
            found = await self._call("job-info.lookup", body, jobid)
        except JobNotFound:
            raise
        except NotFound:
            # Before 0.67 Flux does not say whether the record or the job is missing.
            await self._listed(jobid, "state")
            raise
        return msgspec.convert(found[key], str)

    async def _listed(self, jobid: int, *attributes: str) -> dict[str, Any]:
        """Return attributes of a job from ``job-list``, which follows the journal."""
        try:
            listed = {"id": jobid, "attrs": attributes}
            job: dict[str, Any] = (await self._call("job-list.list-id", listed, jobid))["job"]
        except NotFound:
            raise _no_job(jobid) from None
        return job

    async def _progress(self, jobid: int) -> Progress:
        listed = self._listed(jobid, "state", "t_run")
        return await progress_of(listed, lambda: self.eventlog(jobid))

    async def _call(
        self,
        topic: str,
        body: dict[str, Any] | None = None,
        jobid: int | None = None,
        read: Callable[[bytes], Any] = msgspec.json.decode,
        **options: Any,
    ) -> Any:
        """Return the response to a request as *read* decodes it (``None`` for an empty one)."""
        if jobid is not None and not 0 <= jobid < _LARGEST_IN_JSON:
            raise _no_job(jobid)
        payload = msgspec.json.encode(body or {})
        decoder = partial(self._decode, read)
        call = Call(topic.encode(), payload, jobid=jobid, decode=decoder, **options)
        return await self._connected().call(call)

    def _decode(self, read: Callable[[bytes], Any], payload: bytes) -> Any:
        require_narrow(payload, self._max_structure_bytes)
        return decode(read, payload) if payload else None

    def _connected(self) -> RpcThread:
        if self._rpc is None:
            raise _not_connected()
        return self._rpc


def _not_connected() -> InstanceUnavailable:
    return InstanceUnavailable("There is no connection to the Flux broker.")


def _no_job(jobid: int) -> JobNotFound:
    return JobNotFound(f"There is no job {encode_f58(jobid)}.")


def _load() -> Any:
    """Load the compiled part of the bindings: ``ffi`` and ``lib``."""
    bindings.load()
    return importlib.import_module("_flux._core")

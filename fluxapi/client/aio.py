"""Asynchronous client. ``tools/make_sync.py`` generates ``sync.py`` from it."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Iterable,
    Mapping,
)
from contextlib import aclosing
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

import msgspec

from fluxapi.model import jobid

from . import bulk
from .config import read_config
from .credentials import AccessTokenSource, Credentials
from .errors import BulkItem, NotFound, Unauthorized, Unavailable
from .event import Event, Reset
from .events import EventStream
from .job import Job, JobId, JobList
from .lines import lines
from .options import Command, EventFilter, JobFilter, StreamFilter, SubmitOptions, Urgency
from .pagination import Paged
from .patience import DEFAULT_TIMEOUT_S, Failure, OnWait, Patience
from .results import AccessToken, CancelResult
from .stats import Stats
from .stream import Channel
from .transport import Query, Request, Transport, decoded
from .watch import JobsWatch
from .written import Output, OutputEntry, entry_of, last_lines, output_of

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

__all__ = ["AsyncClient"]

T = TypeVar("T")

_PAGE_SIZE = 1000
"""Jobs in one page, and job IDs in one cancel request."""

_POLL_S = 25.0
"""Longest wait of one request; proxies close connections that are silent for longer."""

_MAX_FOLLOWED_BY_ID = 64
"""Most jobs followed by ID; with more, the client follows all jobs."""

_EXTRA_ENTRIES = 64
"""Entries requested in addition to the lines wanted, since some entries hold none."""

_MAX_TAIL_ENTRIES = 10_000
"""Entries in the longest tail."""


class AsyncClient:
    """A client of one fluxapi service.

    Use it as ``async with AsyncClient() as flux``. Methods raise ``ClientError`` or a subclass.
    They accept job IDs in every form of RFC 19 and return F58.

    Args:
        url: The address of the service. Default: FLUXAPI_URL, the config file, or
            http://127.0.0.1:5000.
        user: Default: FLUX_USER, or the config file.
        token: Default: FLUX_TOKEN, the file that FLUXAPI_TOKEN_FILE names, or the config file.
        access_token: A bearer token, or a function that returns one and is called again when the
            token has expired. With *user* and *token*, the client fetches a new one itself.
        profile: A table of the config file. Default: FLUXAPI_PROFILE.
        timeout: Seconds for which requests, waits and streams are retried while the service is
            unreachable, restarting or busy. ``None`` retries forever.
        retries: Number of retries within *timeout*. ``None`` is unlimited, 0 disables retries.
        on_wait: Called with a sentence when a request starts to wait for the service, and when the
            service answers again. Default: the logger ``fluxapi.client``.
        heartbeat: Seconds of silence after which a stream reconnects. The service sends a message
            every 15 seconds.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        user: str | None = None,
        token: str | None = None,
        access_token: str | AccessTokenSource | None = None,
        profile: str | None = None,
        timeout: float | None = DEFAULT_TIMEOUT_S,
        retries: int | None = None,
        on_wait: OnWait | None = None,
        heartbeat: float = 40.0,
    ) -> None:
        source = access_token if callable(access_token) else None
        config = read_config(
            url,
            user=user,
            token=token,
            access_token=None if callable(access_token) else access_token,
            profile=profile,
        )
        self.url = config.url
        """The address of the service."""
        self._heartbeat = heartbeat
        credentials = Credentials(config, source)
        patience = Patience(timeout, retries, on_wait)
        self._transport = Transport(config.url, credentials, patience)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.url}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections and end all streams."""
        await self._transport.close()

    async def submit(
        self,
        command: Command | None = None,
        *,
        idempotency_key: str | None = None,
        **options: Unpack[SubmitOptions],
    ) -> str:
        """Submit a job and return its ID.

        Pass a command with options, or ``jobspec=…`` instead of both. Every submission has an
        idempotency key, so a retry does not submit the job twice. Pass a key of your own to extend
        this to another run of your program.
        """
        fields = {name: value for name, value in options.items() if value is not None}
        if command is not None:
            fields["command"] = command
        key = idempotency_key or uuid.uuid4().hex
        with bulk.keyed(key):
            return (await self._transport.post("/jobs", fields, _Made, key=key)).id

    def submit_many(
        self,
        jobs: Iterable[Command | Mapping[str, Any]] | AsyncIterable[Command | Mapping[str, Any]],
        *,
        chunk: int = 1000,
        idempotency_key: str | None = None,
    ) -> AsyncIterator[BulkItem]:
        """Submit many jobs, ``chunk`` per request, and yield their results in order.

        A job is a command, or a mapping of a command and options. Jobs are read lazily. A rejected
        job has an ``error`` and does not affect the others.

        The idempotency key and its position identify a job, so a retry submits no job twice. If a
        ``ClientError`` ends the submission, it carries the known items in ``submitted`` and the
        key; submit the same jobs with that key to continue.
        """
        key = idempotency_key or uuid.uuid4().hex
        return Paged(bulk.submit_many(self._transport, jobs, chunk, key))

    async def bulk(
        self,
        job: Command | Mapping[str, Any],
        *,
        copies: int | None = None,
        cc: str | None = None,
        idempotency_key: str | None = None,
    ) -> list[BulkItem]:
        """Submit ``copies`` of a job, or one for each ID in ``cc``, such as ``0-9``.

        With ``cc``, ``{cc}`` in the job is replaced by the ID, as in ``flux submit --cc``.
        """
        if copies is None and cc is None:
            copies = 1
        given = {"job": bulk.submission(job), "copies": copies, "cc": cc}
        body = {name: value for name, value in given.items() if value is not None}
        key = idempotency_key or uuid.uuid4().hex
        return await bulk.submit_copies(self._transport, body, key)

    def jobs(self, *, limit: int | None = None, **filter: Unpack[JobFilter]) -> AsyncIterator[Job]:
        """Iterate over jobs, newest first, at most ``limit``; pages are fetched as needed."""
        return Paged(page.jobs async for page in self._pages(limit, filter))

    async def list_jobs(self, *, limit: int | None = None, **filter: Unpack[JobFilter]) -> JobList:
        """Return jobs as a list; ``events`` continues from its ``cursor`` without a gap."""
        found = JobList()
        async for page in self._pages(limit, filter):
            found.extend(page.jobs)
            found.cursor = found.cursor or page.cursor
            found.more = page.next is not None
        return found

    async def get(self, id: str | int) -> Job:
        """Return a job; raise ``NotFound`` if there is none."""
        return await self._transport.get(_path(id), Job)

    async def wait(self, id: str | int, timeout: float | None = None) -> Job:
        """Wait until a job is inactive; raise ``TimeoutError`` after ``timeout`` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        path = f"{_path(id)}/wait"
        while True:
            left = None if deadline is None else max(deadline - time.monotonic(), 0.0)
            poll = _POLL_S if left is None else min(left, _POLL_S)
            request = Request(
                "GET",
                path,
                {"timeout": f"{poll:.3f}"},
                repeatable=True,
                silence=poll + self._transport.patience.silence,
                waits=True,
                timeout=left,
            )
            job = decoded((await self._transport.ask(request)).body, Job)
            if not job.is_active:
                return job
            if deadline is not None and time.monotonic() >= deadline:
                raise TimeoutError(f"Job {job.id} is in {job.state} after {timeout:g} s.")

    async def as_completed(
        self, ids: Iterable[str | int], *, timeout: float | None = None
    ) -> AsyncIterator[Job]:
        """Yield each job once when it becomes inactive, in the order in which jobs end.

        Raises:
            NotFound: The service does not know one of the jobs.
            TimeoutError: Not all jobs ended within ``timeout`` seconds.
        """
        missing = {_plain(id) for id in ids}
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
                    raise _not_found(f"Job {change.id} is gone.")
                if change.id in missing and change.job is not None and not change.job.is_active:
                    missing.discard(change.id)
                    yield change.job

    async def output(
        self, id: str | int, *, tail: int | None = None, stream: str | None = None
    ) -> Output:
        """Return the output of a job, or its last ``tail`` lines (at most 10,000).

        ``stream`` (``stdout`` or ``stderr``) limits it to one stream.
        """
        if tail is not None and tail <= 0:
            return output_of([])
        size = None if tail is None else min(tail + _EXTRA_ENTRIES, _MAX_TAIL_ENTRIES)
        while True:
            entries, searched = await self._entries(id, size, stream)
            if tail is None or size is None:
                return output_of(entries)
            kept, whole = last_lines(entries, min(tail, _MAX_TAIL_ENTRIES))
            if whole or len(entries) < size or size == _MAX_TAIL_ENTRIES:
                return output_of(kept, searched)
            size = min(size * 4, _MAX_TAIL_ENTRIES)

    async def iter_output(self, id: str | int) -> AsyncIterator[OutputEntry]:
        """Yield the output of a job so far, entry by entry, without keeping it in memory."""
        request = Request(
            "GET",
            f"{_path(id)}/output",
            {},
            headers={"Accept": "application/x-ndjson"},
            repeatable=True,
            stream=True,
        )
        async with aclosing(lines(self._transport, request)) as found:
            async for line in found:
                entry = decoded(line, _Logged)
                if entry.name != "header":
                    yield entry_of(entry.context or {}, entry.name, entry.timestamp, None)

    async def follow_output(
        self, id: str | int, *, tail: int | None = None, stream: str | None = None
    ) -> AsyncIterator[OutputEntry]:
        """Yield the output of a job, past and live, until it ends; resume after a disconnect.

        ``tail`` starts with that many of the last entries that hold data; ``stream`` (``stdout``
        or ``stderr``) limits it to one stream.
        """
        query = {"tail": tail, "stream": stream}
        channel = self._channel(f"{_path(id)}/output/stream", query)
        seen = -1
        async with aclosing(channel.messages()) as messages:
            async for message in messages:
                if message.kind != "output":
                    continue
                written = decoded(message.data, _Written)
                if written.index > seen:
                    seen = written.index
                    fields = decoded(message.data, dict[str, Any])
                    for member in ("index", "name", "timestamp"):
                        fields.pop(member, None)
                    entry = entry_of(fields, written.name, written.timestamp, seen)
                    if entry.raw or entry.name != "data":
                        yield entry

    async def eventlog(self, id: str | int) -> list[Event]:
        """Return the eventlog of a job, as stored by Flux."""
        entries = await self._transport.get(f"{_path(id)}/eventlog", list[_Logged])
        name = _plain(id)
        return [
            Event(name, entry.name, entry.timestamp, index, entry.context)
            for index, entry in enumerate(entries)
        ]

    async def jobspec(self, id: str | int) -> dict[str, Any]:
        """Return the jobspec (RFC 25) of a job, as stored by Flux."""
        return await self._transport.get(f"{_path(id)}/jobspec", dict[str, Any])

    async def R(self, id: str | int) -> dict[str, Any]:  # noqa: N802 - RFC 20's name
        """Return the resources (RFC 20) of a job; raise ``NotFound`` before they are allocated."""
        return await self._transport.get(f"{_path(id)}/R", dict[str, Any])

    @overload
    def events(
        self,
        *,
        since: str | None = None,
        on_reset: Literal["raise"] = "raise",
        **filter: Unpack[EventFilter],
    ) -> EventStream[Event]: ...

    @overload
    def events(
        self,
        *,
        since: str | None = None,
        on_reset: Literal["continue"],
        **filter: Unpack[EventFilter],
    ) -> EventStream[Event | Reset]: ...

    def events(
        self,
        *,
        since: str | None = None,
        on_reset: Literal["raise", "continue"] = "raise",
        **filter: Unpack[EventFilter],
    ) -> EventStream[Event] | EventStream[Event | Reset]:
        """Follow the events of all jobs from now on, or from a cursor; ``"0"`` replays all kept.

        ``async with`` connects the stream, so that it yields all events from then on.
        """
        channel = self._channel("/events", {"stream": "events", **filter}, cursor=since)
        if on_reset == "continue":
            return EventStream[Event | Reset](channel, on_reset=on_reset)
        return EventStream[Event](channel)

    def job_events(self, id: str | int) -> EventStream[Event]:
        """Follow the events of one job, from its first to its last."""
        channel = self._channel(f"{_path(id)}/events", {}, resumes=False)
        return EventStream[Event](channel, replays=True)

    def watch(self, **filter: Unpack[StreamFilter]) -> JobsWatch:
        """Follow the jobs that match a filter: all of them first, then each change."""
        return JobsWatch(self._channel("/events", {"stream": "jobs", **filter}))

    async def stats_stream(self) -> AsyncIterator[Stats]:
        """Yield statistics when they change (at most twice a second) and every 5 seconds."""
        channel = self._channel("/events", {"stream": "stats"}, resumes=False)
        async with aclosing(channel.messages()) as messages:
            async for message in messages:
                if message.kind == "stats":
                    yield decoded(message.data, Stats)

    async def stats(self) -> dict[str, Any]:
        """Return the number of jobs by state and by result."""
        return await self._transport.get("/stats", dict[str, Any])

    async def cancel(self, id: str | int, *, note: str | None = None) -> None:
        """Ask Flux to cancel a job; raise ``NotFound``, or ``Conflict`` if the job has ended."""
        await self._transport.post(f"{_path(id)}/cancel", {"note": note}, _Any)

    async def cancel_many(
        self,
        ids: Iterable[str | int] | None = None,
        *,
        note: str | None = None,
        **filter: Unpack[JobFilter],
    ) -> CancelResult:
        """Ask Flux to cancel jobs by ID, or the active jobs that match a filter.

        Pass either IDs or a filter; ``state="active"`` matches all jobs.
        """
        if (ids is None) == (not filter):
            raise ValueError("pass IDs or a filter; state='active' matches all jobs")
        if ids is None:
            return await self._cancel({"filter": _filter_body(filter), "note": note})
        names = [str(id) for id in ids]
        total = CancelResult(0, 0)
        for start in range(0, len(names), _PAGE_SIZE):
            some = await self._cancel({"ids": names[start : start + _PAGE_SIZE], "note": note})
            total = CancelResult(
                total.requested + some.requested,
                total.failed + some.failed,
                (*total.errors, *some.errors),
            )
        return total

    async def signal(self, id: str | int, signal: str | int = "SIGTERM") -> None:
        """Send a signal, by number or name, to all tasks of a running job."""
        await self._transport.post(f"{_path(id)}/signal", {"signal": signal}, _Any)

    async def urgency(self, id: str | int, urgency: Urgency) -> None:
        """Set the urgency of a pending job: 0 to 31, or ``hold``, ``default``, ``expedite``."""
        await self._transport.post(f"{_path(id)}/urgency", {"urgency": urgency}, _Any)

    async def nodes(self) -> list[str]:
        """Return the host names of the nodes."""
        return (await self._transport.get("/nodes", _Nodes)).nodes

    async def resources(self) -> dict[str, Any]:
        """Return nodes by rank, with their state, cores and GPUs, and the totals."""
        return await self._transport.get("/resources", dict[str, Any])

    async def queues(self) -> list[dict[str, Any]]:
        """Return the queues, and whether each is enabled and started."""
        return (await self._transport.get("/queues", _Queues)).queues

    async def info(self) -> dict[str, Any]:
        """Return information about the service and its Flux instance."""
        return await self._transport.get("/", dict[str, Any])

    async def stop(self, *, instance: bool = False) -> None:
        """Stop the service; with ``instance``, stop the Flux instance too."""
        await self._transport.post("/service/stop", {"instance": instance}, _Any)

    async def create_token(self) -> AccessToken:
        """Exchange user and token for a bearer token that expires; raise ``Unauthorized``."""
        basic = self._transport.credentials.basic
        if basic is None:
            raise Unauthorized(401, title="Unauthorized", detail=_NEEDS_BOTH)
        asked = time.time()
        made = await self._transport.exchange(basic)
        return AccessToken(made.access_token, asked + made.expires_in)

    async def health(self) -> None:
        """Check that the service runs; raise ``ConnectionFailed`` if it does not."""
        await self._transport.get("/health", _Any)

    async def ready(self) -> bool:
        """Return whether the service has caught up with its Flux instance, without retries."""
        async with self._transport.attempt(Request("GET", "/ready")) as response:
            if not isinstance(response, Failure):
                return True
        if isinstance(response.error, Unavailable):
            return False
        raise response.error

    async def _pages(self, limit: int | None, filter: JobFilter) -> AsyncGenerator[_Page, None]:
        """Yield pages with at most ``limit`` jobs in total."""
        left, following = limit, None
        while left is None or left > 0:
            size = _PAGE_SIZE if left is None else min(left, _PAGE_SIZE)
            query = {"limit": size, "page": following, **filter}
            page = await self._transport.get("/jobs", _Page, query)
            yield page
            following = page.next
            if following is None:
                return
            left = None if left is None else left - len(page.jobs)

    async def _entries(
        self, id: str | int, tail: int | None, stream: str | None
    ) -> tuple[list[OutputEntry], int]:
        """Return entries, and the number of bytes searched if that was not enough."""
        request = Request(
            "GET",
            f"{_path(id)}/output",
            {"tail": tail, "stream": stream},
            headers={"Accept": "application/x-ndjson"},
            repeatable=True,
        )
        answer = await self._transport.ask(request)
        logged = [decoded(line, _Logged) for line in answer.body.splitlines() if line]
        searched = answer.headers.get("Output-Searched-Bytes", "")
        entries = [
            entry_of(entry.context or {}, entry.name, entry.timestamp, None)
            for entry in logged
            if entry.name != "header"
        ]
        return entries, int(searched) if searched.isdecimal() else 0

    async def _cancel(self, body: Mapping[str, Any]) -> CancelResult:
        answer = await self._transport.post("/jobs/cancel", body, _Canceled)
        errors = [(one.id, bulk.problem(one.error)) for one in answer.errors]
        return CancelResult(answer.requested, answer.failed, tuple(errors), answer.more)

    def _channel(
        self, path: str, query: Query, *, cursor: str | None = None, resumes: bool = True
    ) -> Channel:
        return Channel(
            self._transport,
            path,
            query,
            cursor=cursor,
            resumes=resumes,
            heartbeat=self._heartbeat,
        )


_NEEDS_BOTH = "An access token needs user and token: pass both, or set FLUX_USER and FLUX_TOKEN."

_Any = dict[str, Any]


class _Made(msgspec.Struct):
    id: JobId


class _Page(msgspec.Struct):
    jobs: list[Job]
    next: str | None
    cursor: str


class _Logged(msgspec.Struct):
    timestamp: float
    name: str
    context: dict[str, Any] | None = None


class _Written(msgspec.Struct):
    index: int
    timestamp: float
    name: str = "data"


class _Nodes(msgspec.Struct):
    nodes: list[str]


class _Queues(msgspec.Struct):
    queues: list[dict[str, Any]]


class _Refused(msgspec.Struct):
    id: str
    error: dict[str, Any]


class _Canceled(msgspec.Struct):
    requested: int
    failed: int
    errors: list[_Refused] = []
    more: bool = False


def _plain(id: str | int) -> str:
    """Return a job ID in F58; raise ``NotFound`` for text that is no job ID of RFC 19."""
    try:
        return jobid.encode_f58(id if isinstance(id, int) else jobid.parse(id))
    except ValueError as error:
        reason = str(error)
    raise _not_found(f"{str(id)[:64]!r} {reason}.")


async def _within(deadline: float | None, work: Awaitable[T]) -> T:
    """Await *work*; raise ``TimeoutError`` at the deadline (of the monotonic clock)."""
    if deadline is None:
        return await work
    try:
        return await asyncio.wait_for(work, max(deadline - time.monotonic(), 0.0))
    except asyncio.TimeoutError:
        pass
    raise TimeoutError("Some of the jobs have not ended.")


def _not_found(detail: str) -> NotFound:
    return NotFound(404, "/docs/errors#job-not-found", "Job not found", detail)


def _path(id: str | int) -> str:
    return f"/jobs/{_plain(id)}"


def _filter_body(filter: JobFilter) -> dict[str, Any]:
    """Return a filter as a request body: lists stay lists, states are in upper case."""
    body: dict[str, Any] = {name: value for name, value in filter.items() if value is not None}
    for name in ("state", "result"):
        if name in body:
            values = [body[name]] if isinstance(body[name], str) else body[name]
            body[name] = [value.upper() for value in values]
    if "user" in body:
        body["user"] = str(body["user"])
    return body

"""The asynchronous client. ``sync.py`` is made from it by ``tools/make_sync.py``."""

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

_PAGE = 1000
"""Jobs of one page, and ids of one request to cancel."""

_POLL = 25.0
"""Seconds that one request waits for a job: proxies end what is silent for longer."""

_MANY = 64
"""Jobs from which all are followed, not each by name."""

_EXTRA = 64
"""Entries asked for besides the lines that are wanted: some hold none."""

_MOST = 10_000
"""Entries of the longest tail."""


class AsyncClient:
    """A fluxapi service. Who asks: arguments, else the environment, else the config file.

    ``url``: FLUXAPI_URL; else http://127.0.0.1:5000. ``user`` and ``token``: FLUX_USER, and
    FLUX_TOKEN or the file that FLUXAPI_TOKEN_FILE names. ``access_token``: a bearer token, or a
    function that gives one and is asked again when it has expired; with user and token a new one is
    fetched by itself. ``profile``: a table of the config file, FLUXAPI_PROFILE.

    ``timeout``: seconds for which requests, waits and streams go on trying while the service
    cannot be reached, restarts or is busy; ``None`` is for ever. ``retries``: how often each of
    them is tried again meanwhile; ``None`` is as often as there is time, 0 not at all. ``on_wait``
    gets a sentence when one begins to wait for the service, and when it answers again; without it
    the logger ``fluxapi.client`` does. ``heartbeat``: seconds of silence after which the connection
    of a stream is taken for dead; the service says something every 15 seconds.

    Use it as ``async with AsyncClient() as flux``. Methods raise ``ClientError`` and what derives
    from it. Job ids are taken in every form of RFC 19 and given as F58.
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
        """Close all connections; streams end."""
        await self._transport.close()

    async def submit(
        self,
        command: Command | None = None,
        *,
        idempotency_key: str | None = None,
        **options: Unpack[SubmitOptions],
    ) -> str:
        """Submit a job: a command with options, or ``jobspec=…`` in place of both; returns its id.

        Sent again when no answer comes, it still is one job: every submission has an idempotency
        key. With a key of your own it is one job also when your program runs again.
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
        """Submit many jobs, ``chunk`` in a request: commands, or mappings of a command and options.

        They are taken as they are needed, and what came of each is given in the same order. One
        that is refused has an ``error`` and keeps none of the others from being submitted.

        Each job is known by the idempotency key and its place, so that none is submitted twice
        however often a request is sent. The ``ClientError`` that ends it has the items that are
        known in ``submitted``, and the key: the same jobs with that key go on where this ended.
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
        """Submit one job several times: ``copies``, or once for each id of ``cc`` such as ``0-9``.

        With ``cc``, ``{cc}`` in its texts becomes the id, as ``flux submit --cc`` does.
        """
        if copies is None and cc is None:
            copies = 1
        given = {"job": bulk.submission(job), "copies": copies, "cc": cc}
        body = {name: value for name, value in given.items() if value is not None}
        key = idempotency_key or uuid.uuid4().hex
        return await bulk.submit_copies(self._transport, body, key)

    def jobs(self, *, limit: int | None = None, **filter: Unpack[JobFilter]) -> AsyncIterator[Job]:
        """Jobs, newest first, page by page as they are needed; ``limit`` is how many at most."""
        return Paged(page.jobs async for page in self._pages(limit, filter))

    async def list_jobs(self, *, limit: int | None = None, **filter: Unpack[JobFilter]) -> JobList:
        """The same as a list, which notebooks show as a table; its ``cursor`` is for ``events``."""
        found = JobList()
        async for page in self._pages(limit, filter):
            found.extend(page.jobs)
            found.cursor = found.cursor or page.cursor
            found.more = page.next is not None
        return found

    async def get(self, id: str | int) -> Job:
        """A job as it is; raises ``NotFound``."""
        return await self._transport.get(_path(id), Job)

    async def wait(self, id: str | int, timeout: float | None = None) -> Job:
        """The job once it is inactive; raises ``TimeoutError`` after ``timeout`` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        path = f"{_path(id)}/wait"
        while True:
            left = None if deadline is None else max(deadline - time.monotonic(), 0.0)
            poll = _POLL if left is None else min(left, _POLL)
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
        """Each of the jobs once it is inactive, in the order in which they end; each once.

        Raises ``NotFound`` for one that the service does not know, ``TimeoutError`` after
        ``timeout`` seconds.
        """
        missing = {_plain(id) for id in ids}
        if not missing:
            return
        filter: StreamFilter = {"id": sorted(missing)} if len(missing) <= _MANY else {}
        deadline = None if timeout is None else time.monotonic() + timeout
        async with self.watch(**filter) as watch:
            await _within(deadline, watch.ready())
            for jobid in [jobid for jobid in missing if jobid not in watch.jobs]:
                # It may have been purged, or come in this moment: the service knows.
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
        """Return what a job has written so far, or the last ``tail`` lines of it (at most 10,000).

        With ``stream`` (``stdout`` or ``stderr``) only that counts.
        """
        if tail is not None and tail <= 0:
            return output_of([])
        size = None if tail is None else min(tail + _EXTRA, _MOST)
        while True:
            entries, searched = await self._entries(id, size, stream)
            if tail is None or size is None:
                return output_of(entries)
            kept, whole = last_lines(entries, min(tail, _MOST))
            if whole or len(entries) < size or size == _MOST:
                return output_of(kept, searched)
            size = min(size * 4, _MOST)

    async def iter_output(self, id: str | int) -> AsyncIterator[OutputEntry]:
        """What a job has written so far, entry by entry: of any size, and none of it kept."""
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
        """What a job wrote, then what it writes, to its end; after a cut it goes on where it was.

        With ``tail`` it begins with that many of the last entries that hold data; with ``stream``
        (``stdout`` or ``stderr``) only that counts.
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
        """The eventlog of a job, as Flux keeps it."""
        entries = await self._transport.get(f"{_path(id)}/eventlog", list[_Logged])
        name = _plain(id)
        return [
            Event(name, entry.name, entry.timestamp, index, entry.context)
            for index, entry in enumerate(entries)
        ]

    async def jobspec(self, id: str | int) -> dict[str, Any]:
        """The jobspec (RFC 25) of a job, as Flux keeps it."""
        return await self._transport.get(f"{_path(id)}/jobspec", dict[str, Any])

    async def R(self, id: str | int) -> dict[str, Any]:  # noqa: N802 - RFC 20's name
        """The resources (RFC 20) that a job got; raises ``NotFound`` before it got any."""
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
        """Events of all jobs from now on, or from a cursor; ``"0"`` is all that are kept.

        Entered by ``async with``, the stream is connected: what happens from then on will be given.
        """
        channel = self._channel("/events", {"stream": "events", **filter}, cursor=since)
        if on_reset == "continue":
            return EventStream[Event | Reset](channel, on_reset=on_reset)
        return EventStream[Event](channel)

    def job_events(self, id: str | int) -> EventStream[Event]:
        """Events of one job, from its first to its last."""
        channel = self._channel(f"{_path(id)}/events", {}, resumes=False)
        return EventStream[Event](channel, replays=True)

    def watch(self, **filter: Unpack[StreamFilter]) -> JobsWatch:
        """All jobs that a filter takes, then each that changes."""
        return JobsWatch(self._channel("/events", {"stream": "jobs", **filter}))

    async def stats_stream(self) -> AsyncIterator[Stats]:
        """Figures, when they change (at most twice a second) and every 5 seconds."""
        channel = self._channel("/events", {"stream": "stats"}, resumes=False)
        async with aclosing(channel.messages()) as messages:
            async for message in messages:
                if message.kind == "stats":
                    yield decoded(message.data, Stats)

    async def stats(self) -> dict[str, Any]:
        """How many jobs there are, by state and by result."""
        return await self._transport.get("/stats", dict[str, Any])

    async def cancel(self, id: str | int, *, note: str | None = None) -> None:
        """Ask Flux to cancel a job; raises ``NotFound``, or ``Conflict`` for one that has ended."""
        await self._transport.post(f"{_path(id)}/cancel", {"note": note}, _Any)

    async def cancel_many(
        self,
        ids: Iterable[str | int] | None = None,
        *,
        note: str | None = None,
        **filter: Unpack[JobFilter],
    ) -> CancelResult:
        """Ask Flux to cancel jobs by id, or those active ones that a filter takes.

        One of both must be given: ``state="active"`` is all of them.
        """
        if (ids is None) == (not filter):
            raise ValueError("Give ids or a filter; state='active' takes all jobs.")
        if ids is None:
            return await self._cancel({"filter": _filter_body(filter), "note": note})
        names = [str(id) for id in ids]
        total = CancelResult(0, 0)
        for start in range(0, len(names), _PAGE):
            some = await self._cancel({"ids": names[start : start + _PAGE], "note": note})
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
        """The host names."""
        return (await self._transport.get("/nodes", _Nodes)).nodes

    async def resources(self) -> dict[str, Any]:
        """Nodes by rank with their state, cores and gpus, and the sums."""
        return await self._transport.get("/resources", dict[str, Any])

    async def queues(self) -> list[dict[str, Any]]:
        """The queues, and whether they take and start jobs."""
        return (await self._transport.get("/queues", _Queues)).queues

    async def info(self) -> dict[str, Any]:
        """The service and the Flux instance behind it."""
        return await self._transport.get("/", dict[str, Any])

    async def stop(self, *, instance: bool = False) -> None:
        """End the service; with ``instance`` the whole Flux instance too."""
        await self._transport.post("/service/stop", {"instance": instance}, _Any)

    async def create_token(self) -> AccessToken:
        """A bearer token that ends by itself, for user and token; raises ``Unauthorized``."""
        basic = self._transport.credentials.basic
        if basic is None:
            raise Unauthorized(401, title="Unauthorized", detail=_NEEDS_BOTH)
        asked = time.time()
        made = await self._transport.exchange(basic)
        return AccessToken(made.access_token, asked + made.expires_in)

    async def health(self) -> None:
        """Return if the service runs; raises ``ConnectionFailed``."""
        await self._transport.get("/health", _Any)

    async def ready(self) -> bool:
        """Whether the service has caught up with its Flux instance; asked once."""
        async with self._transport.attempt(Request("GET", "/ready")) as response:
            if not isinstance(response, Failure):
                return True
        if isinstance(response.error, Unavailable):
            return False
        raise response.error

    async def _pages(self, limit: int | None, filter: JobFilter) -> AsyncGenerator[_Page, None]:
        """Pages of at most ``limit`` jobs together."""
        left, following = limit, None
        while left is None or left > 0:
            size = _PAGE if left is None else min(left, _PAGE)
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
        """Return entries, and the bytes that were searched where that was not enough."""
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


_NEEDS_BOTH = (
    "An access token is made for user and token: give both, or set FLUX_USER and FLUX_TOKEN."
)

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
    """A job id in any form of RFC 19 as F58; raises ``NotFound`` for what is none."""
    try:
        return jobid.encode_f58(id if isinstance(id, int) else jobid.parse(id))
    except ValueError as error:
        reason = str(error)
    raise _not_found(f"{str(id)[:64]!r} {reason}.")


async def _within(deadline: float | None, work: Awaitable[T]) -> T:
    """What comes of the work; raises ``TimeoutError`` when the deadline (monotonic) is there."""
    if deadline is None:
        return await work
    try:
        return await asyncio.wait_for(work, max(deadline - time.monotonic(), 0.0))
    except asyncio.TimeoutError:
        pass
    raise TimeoutError("Some of the jobs are not over.")


def _not_found(detail: str) -> NotFound:
    return NotFound(404, "/docs/errors#job-not-found", "Job not found", detail)


def _path(id: str | int) -> str:
    return f"/jobs/{_plain(id)}"


def _filter_body(filter: JobFilter) -> dict[str, Any]:
    """The filter as a body takes it: lists are lists, and states are in upper case."""
    body: dict[str, Any] = {name: value for name, value in filter.items() if value is not None}
    for name in ("state", "result"):
        if name in body:
            values = [body[name]] if isinstance(body[name], str) else body[name]
            body[name] = [value.upper() for value in values]
    if "user" in body:
        body["user"] = str(body["user"])
    return body

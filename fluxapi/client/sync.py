"""The client for programs without an event loop.

Made by ``tools/make_sync.py`` from the asynchronous one: change that, and make this anew.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, overload

from .aio import AsyncClient
from .credentials import AccessTokenSource
from .errors import BulkItem
from .event import Event, Reset
from .events import EventStream
from .job import Job, JobList
from .loop import Iteration, LoopThread, each_of
from .options import Command, EventFilter, JobFilter, StreamFilter, SubmitOptions, Urgency
from .patience import DEFAULT_TIMEOUT_S, OnWait
from .results import AccessToken, CancelResult
from .stats import Stats
from .watch import JobChange, JobsWatch
from .written import Output, OutputEntry

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

__all__ = ["Client", "SyncEventStream", "SyncJobsWatch"]

ItemT_co = TypeVar("ItemT_co", bound=Event | Reset, covariant=True)


class Client:
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

    Use it as ``with Client() as flux``. Methods raise ``ClientError`` and what derives
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
        self._loop = LoopThread()
        self._client = AsyncClient(
            url,
            user=user,
            token=token,
            access_token=access_token,
            profile=profile,
            timeout=timeout,
            retries=retries,
            on_wait=on_wait,
            heartbeat=heartbeat,
        )
        self.url = self._client.url
        """The address of the service."""
        # A notebook never closes anything: connections end with the client, or with Python.
        self._finalizer = weakref.finalize(self, _close, self._loop, self._client)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.url}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections; streams end."""
        self._finalizer()

    def submit(
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
        return self._loop.run(
            self._client.submit(command, idempotency_key=idempotency_key, **options)
        )

    def submit_many(
        self,
        jobs: Iterable[Command | Mapping[str, Any]],
        *,
        chunk: int = 1000,
        idempotency_key: str | None = None,
    ) -> Iteration[BulkItem]:
        """Submit many jobs, ``chunk`` in a request: commands, or mappings of a command and options.

        They are taken as they are needed, and what came of each is given in the same order. One
        that is refused has an ``error`` and keeps none of the others from being submitted.

        Each job is known by the idempotency key and its place, so that none is submitted twice
        however often a request is sent. The ``ClientError`` that ends it has the items that are
        known in ``submitted``, and the key: the same jobs with that key go on where this ended.
        """
        return self._loop.iterate(
            self._client.submit_many(each_of(jobs), chunk=chunk, idempotency_key=idempotency_key)
        )

    def bulk(
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
        return self._loop.run(
            self._client.bulk(job, copies=copies, cc=cc, idempotency_key=idempotency_key)
        )

    def jobs(self, *, limit: int | None = None, **filter: Unpack[JobFilter]) -> Iteration[Job]:
        """Jobs, newest first, page by page as they are needed; ``limit`` is how many at most."""
        return self._loop.iterate(self._client.jobs(limit=limit, **filter))

    def list_jobs(self, *, limit: int | None = None, **filter: Unpack[JobFilter]) -> JobList:
        """The same as a list, which notebooks show as a table; its ``cursor`` is for ``events``."""
        return self._loop.run(self._client.list_jobs(limit=limit, **filter))

    def get(self, id: str | int) -> Job:
        """A job as it is; raises ``NotFound``."""
        return self._loop.run(self._client.get(id))

    def wait(self, id: str | int, timeout: float | None = None) -> Job:
        """The job once it is inactive; raises ``TimeoutError`` after ``timeout`` seconds."""
        return self._loop.run(self._client.wait(id, timeout))

    def as_completed(
        self, ids: Iterable[str | int], *, timeout: float | None = None
    ) -> Iteration[Job]:
        """Each of the jobs once it is inactive, in the order in which they end; each once.

        Raises ``NotFound`` for one that the service does not know, ``TimeoutError`` after
        ``timeout`` seconds.
        """
        return self._loop.iterate(self._client.as_completed(ids, timeout=timeout))

    def output(
        self, id: str | int, *, tail: int | None = None, stream: str | None = None
    ) -> Output:
        """Return what a job has written so far, or the last ``tail`` lines of it (at most 10,000).

        With ``stream`` (``stdout`` or ``stderr``) only that counts.
        """
        return self._loop.run(self._client.output(id, tail=tail, stream=stream))

    def iter_output(self, id: str | int) -> Iteration[OutputEntry]:
        """What a job has written so far, entry by entry: of any size, and none of it kept."""
        return self._loop.iterate(self._client.iter_output(id))

    def follow_output(
        self, id: str | int, *, tail: int | None = None, stream: str | None = None
    ) -> Iteration[OutputEntry]:
        """What a job wrote, then what it writes, to its end; after a cut it goes on where it was.

        With ``tail`` it begins with that many of the last entries that hold data; with ``stream``
        (``stdout`` or ``stderr``) only that counts.
        """
        return self._loop.iterate(self._client.follow_output(id, tail=tail, stream=stream))

    def eventlog(self, id: str | int) -> list[Event]:
        """The eventlog of a job, as Flux keeps it."""
        return self._loop.run(self._client.eventlog(id))

    def jobspec(self, id: str | int) -> dict[str, Any]:
        """The jobspec (RFC 25) of a job, as Flux keeps it."""
        return self._loop.run(self._client.jobspec(id))

    def R(self, id: str | int) -> dict[str, Any]:  # noqa: N802 - RFC 20's name
        """The resources (RFC 20) that a job got; raises ``NotFound`` before it got any."""
        return self._loop.run(self._client.R(id))

    @overload
    def events(
        self,
        *,
        since: str | None = None,
        on_reset: Literal["raise"] = "raise",
        **filter: Unpack[EventFilter],
    ) -> SyncEventStream[Event]: ...
    @overload
    def events(
        self,
        *,
        since: str | None = None,
        on_reset: Literal["continue"],
        **filter: Unpack[EventFilter],
    ) -> SyncEventStream[Event | Reset]: ...
    def events(
        self,
        *,
        since: str | None = None,
        on_reset: Literal["raise", "continue"] = "raise",
        **filter: Unpack[EventFilter],
    ) -> SyncEventStream[Event] | SyncEventStream[Event | Reset]:
        """Events of all jobs from now on, or from a cursor; ``"0"`` is all that are kept.

        Entered by ``with``, the stream is connected: what happens from then on will be given.
        """
        return SyncEventStream(
            self._loop, self._client.events(since=since, on_reset=on_reset, **filter)
        )

    def job_events(self, id: str | int) -> SyncEventStream[Event]:
        """Events of one job, from its first to its last."""
        return SyncEventStream(self._loop, self._client.job_events(id))

    def watch(self, **filter: Unpack[StreamFilter]) -> SyncJobsWatch:
        """All jobs that a filter takes, then each that changes."""
        return SyncJobsWatch(self._loop, self._client.watch(**filter))

    def stats_stream(self) -> Iteration[Stats]:
        """Figures, when they change (at most twice a second) and every 5 seconds."""
        return self._loop.iterate(self._client.stats_stream())

    def stats(self) -> dict[str, Any]:
        """How many jobs there are, by state and by result."""
        return self._loop.run(self._client.stats())

    def cancel(self, id: str | int, *, note: str | None = None) -> None:
        """Ask Flux to cancel a job; raises ``NotFound``, or ``Conflict`` for one that has ended."""
        self._loop.run(self._client.cancel(id, note=note))

    def cancel_many(
        self,
        ids: Iterable[str | int] | None = None,
        *,
        note: str | None = None,
        **filter: Unpack[JobFilter],
    ) -> CancelResult:
        """Ask Flux to cancel jobs by id, or those active ones that a filter takes.

        One of both must be given: ``state="active"`` is all of them.
        """
        return self._loop.run(self._client.cancel_many(ids, note=note, **filter))

    def signal(self, id: str | int, signal: str | int = "SIGTERM") -> None:
        """Send a signal, by number or name, to all tasks of a running job."""
        self._loop.run(self._client.signal(id, signal))

    def urgency(self, id: str | int, urgency: Urgency) -> None:
        """Set the urgency of a pending job: 0 to 31, or ``hold``, ``default``, ``expedite``."""
        self._loop.run(self._client.urgency(id, urgency))

    def nodes(self) -> list[str]:
        """The host names."""
        return self._loop.run(self._client.nodes())

    def resources(self) -> dict[str, Any]:
        """Nodes by rank with their state, cores and gpus, and the sums."""
        return self._loop.run(self._client.resources())

    def queues(self) -> list[dict[str, Any]]:
        """The queues, and whether they take and start jobs."""
        return self._loop.run(self._client.queues())

    def info(self) -> dict[str, Any]:
        """The service and the Flux instance behind it."""
        return self._loop.run(self._client.info())

    def stop(self, *, instance: bool = False) -> None:
        """End the service; with ``instance`` the whole Flux instance too."""
        self._loop.run(self._client.stop(instance=instance))

    def create_token(self) -> AccessToken:
        """A bearer token that ends by itself, for user and token; raises ``Unauthorized``."""
        return self._loop.run(self._client.create_token())

    def health(self) -> None:
        """Return if the service runs; raises ``ConnectionFailed``."""
        self._loop.run(self._client.health())

    def ready(self) -> bool:
        """Whether the service has caught up with its Flux instance; asked once."""
        return self._loop.run(self._client.ready())


def _close(loop: LoopThread, client: AsyncClient) -> None:
    loop.close(client.aclose())


class SyncEventStream(Generic[ItemT_co]):
    """Iterate over it to follow events: ``for event in stream``.

    ``cursor`` is where it stands after the event that was given last; kept with what was made of
    the event, it is what ``events(since=…)`` goes on from in another program, on another day.

    Raises ``EventsLost`` where events may be missing; iterating on goes on with what comes after.
    With ``on_reset="continue"`` it gives a ``Reset`` in that place instead.
    """

    def __init__(self, loop: LoopThread, stream: EventStream[ItemT_co]) -> None:
        self._loop = loop
        self._stream = stream
        self._items: Iteration[ItemT_co] = loop.iterate(stream)

    def __repr__(self) -> str:
        return repr(self._stream)

    @property
    def live(self) -> bool | None:
        """Whether the service follows its Flux instance, as of its last mark."""
        return self._stream.live

    @property
    def cursor(self) -> str | None:
        """Where the stream stands; ``None`` before it has begun."""
        return self._stream.cursor

    @property
    def connected(self) -> bool:
        """Whether there is a connection at the moment."""
        return self._stream.connected

    def open(self) -> Self:
        """Connect, and return once everything that happens from now on will be given."""
        self._loop.run(self._stream.open())
        return self

    def close(self) -> None:
        """End it."""
        self._items.close()

    def __enter__(self) -> Self:
        self._loop.run(self._stream.__aenter__())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> ItemT_co:
        return next(self._items)


class SyncJobsWatch:
    """Iterate over it to follow jobs: first each that is there, newest first, then what changes.

    ``jobs`` is what is held, by id. Each mark of the service has a digest of what it holds; where
    that differs from what is held here a new snapshot is taken, and what differs is given.
    """

    def __init__(self, loop: LoopThread, stream: JobsWatch) -> None:
        self._loop = loop
        self._stream = stream
        self._items: Iteration[JobChange] = loop.iterate(stream)

    def __repr__(self) -> str:
        return repr(self._stream)

    @property
    def jobs(self) -> Mapping[str, Job]:
        """What is held, by id."""
        return self._stream.jobs

    @property
    def verified(self) -> int:
        """Marks whose digest was that of what is held."""
        return self._stream.verified

    @property
    def mismatches(self) -> int:
        """Marks whose digest was not."""
        return self._stream.mismatches

    @property
    def live(self) -> bool | None:
        """Whether the service follows its Flux instance, as of its last mark."""
        return self._stream.live

    @property
    def connected(self) -> bool:
        """Whether there is a connection at the moment."""
        return self._stream.connected

    def ready(self) -> Self:
        """Return once ``jobs`` is all of them and proven; they are not given one by one then."""
        self._loop.run(self._stream.ready())
        return self

    def close(self) -> None:
        """End it; ``jobs`` stays as it is."""
        self._items.close()

    def __enter__(self) -> Self:
        self._loop.run(self._stream.__aenter__())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> JobChange:
        return next(self._items)

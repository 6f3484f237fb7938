"""The protocol that a real broker and the embedded instance both implement.

Rules for implementers, checked by ``tests/contract``:

* Every method is safe to call from the event loop and never blocks it.
* Every call ends: it returns, or raises a :class:`fluxapi.errors.FluxapiError` — ``JobNotFound``,
  ``JobInactive``, ``FluxRefused`` (with Flux's own message) or ``InstanceUnavailable``.
* State changes appear only in :meth:`ChangeSource.changes`; a write method returns IDs, never
  records.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from fluxapi.errors import FluxapiError
from fluxapi.model.eventlog import Event, JournalMessage, Purged, Resync
from fluxapi.model.job_end import JobEnd
from fluxapi.model.output import Last, OutputBatch
from fluxapi.model.submission import Submission
from fluxapi.process.file_piece import Piece, Wanted

__all__ = [
    "CLOSE_TIMEOUT_S",
    "CallWatch",
    "Capabilities",
    "Change",
    "ChangeBatch",
    "ChangeSource",
    "ChildPlace",
    "Instance",
    "InstanceInfo",
    "JobControl",
    "JobCounter",
    "JobEnder",
    "JobRecords",
    "Last",
    "LookupKey",
    "NodeFileReader",
    "OutputBatch",
    "OutputSource",
    "Parent",
    "PastParent",
    "Queue",
    "QueuePolicy",
    "ResourceInfo",
    "Resources",
    "RunCanceler",
    "Submission",
    "Watchable",
]

CLOSE_TIMEOUT_S = 10.0
"""Default timeout of :meth:`Instance.close`."""

CallWatch = Callable[[str], AbstractContextManager[object]]
"""Returns a context manager for one call to Flux with the given topic."""

LookupKey = Literal["eventlog", "jobspec", "R", "guest.exec.eventlog"]
"""The keys of a job's KVS directory (RFC 16) that :meth:`Instance.lookup` can fetch.

The last one holds the events of the job shell; the embedded instance has none.
"""

Change = JournalMessage | Purged | Resync
"""An item of the change stream."""

ChangeBatch = list[Change]
"""Consecutive items of the change stream."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The capabilities of an instance, which handlers, pages and the command line check.

    Attributes:
        submit, cancel, signal, urgency, shutdown: True if the corresponding method works.
        children: True if its jobs can be instances that can be opened (:class:`Parent`).
        jobs: The jobs that it reports: ``all``, or those of the service's own user (``own``).
        events: ``exact`` if they are those of the eventlog (RFC 18), ``derived`` if they are
            inferred from the states in a listing.
        scripts: ``instance`` if a batch script runs in its own instance, ``task`` if it runs as one
            task.
    """

    submit: bool = True
    cancel: bool = True
    signal: bool = True
    urgency: bool = True
    shutdown: bool = True
    children: bool = False
    jobs: Literal["all", "own"] = "all"
    events: Literal["exact", "derived"] = "exact"
    scripts: Literal["instance", "task"] = "instance"


@dataclass(frozen=True, slots=True)
class InstanceInfo:
    """The properties of an instance that do not change while connected.

    ``kind`` is ``flux``, ``embedded`` or, for the history of an instance that is gone, ``archive``;
    ``uri`` the broker's URI or ``None``; ``size`` the number of brokers; ``owner`` the user ID of
    the instance owner; ``starttime`` seconds since the epoch; ``statedir`` the folder of a
    persistent history, or ``None`` if it is not persistent; ``cwd`` the working directory of jobs
    that name none, or ``None`` if it is not known; ``notice`` a message for everybody who looks at
    the instance, and ``last_seen`` the time that the message names.
    """

    kind: Literal["flux", "embedded", "archive"]
    version: str
    uri: str | None
    size: int
    hostname: str
    owner: int
    starttime: float
    statedir: str | None = None
    capabilities: Capabilities = Capabilities()
    cwd: str | None = None
    notice: str = ""
    last_seen: float | None = None


@dataclass(frozen=True, slots=True)
class Resources:
    """The merged responses of ``resource.sched-status`` and ``resource.status``.

    ``all``, ``allocated`` and ``down`` are R objects (RFC 20) or ``None`` if empty; ``drain``
    maps an idset of ranks to ``{"timestamp", "reason"}``; ``online``, ``offline``, ``exclude`` and
    ``torpid`` are idsets of ranks (RFC 22) as strings.
    """

    all: dict[str, Any]
    allocated: dict[str, Any] | None
    down: dict[str, Any] | None
    drain: dict[str, dict[str, Any]]
    online: str
    offline: str
    exclude: str
    torpid: str


@dataclass(frozen=True, slots=True)
class QueuePolicy:
    """The policy of a queue (RFC 33); ``None`` and absent counts are not limited.

    ``requires`` are the properties of its nodes; durations are in seconds; sizes are the counts of
    ``nodes``, ``cores`` and ``gpus`` of a job.
    """

    requires: tuple[str, ...] = ()
    default_duration: float | None = None
    max_duration: float | None = None
    min_size: Mapping[str, int] = field(default_factory=dict)
    max_size: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Queue:
    """One queue (RFC 33): ``name`` is ``""`` for the anonymous one.

    An ``enabled`` queue accepts jobs, and a ``started`` queue starts them; reasons come from Flux.
    """

    name: str
    enabled: bool
    started: bool
    default: bool = False
    disable_reason: str | None = None
    stop_reason: str | None = None
    policy: QueuePolicy = QueuePolicy()


class JobControl(Protocol):
    """An object that submits and changes jobs."""

    async def submit(self, submissions: Sequence[Submission]) -> list[int | FluxapiError]:
        """Submit several jobs, pipelined.

        Returns:
            The job ID or the error of each submission, in order. One bad job never raises.
            ``OutcomeUnknown`` means that the job was sent and may still appear in the journal.
        """

    async def settle(self) -> None:
        """Wait until each earlier submission is in the journal, or refused.

        This includes submissions of another process that has ended. Raises ``InstanceUnavailable``.
        """

    async def raise_exception(
        self, jobid: int, type: str, severity: int, note: str | None = None
    ) -> None:
        """Raise a job exception (RFC 21); ``("cancel", 0)`` cancels the job."""

    async def post_memo(self, jobid: int, memo: dict[str, Any], *, volatile: bool = False) -> None:
        """Post a memo (RFC 21) to an active job; the eventlog does not keep a *volatile* one."""

    async def kill(self, jobid: int, signum: int) -> None:
        """Send a signal to all tasks of a running job."""

    async def set_urgency(self, jobid: int, urgency: int) -> None:
        """Set the urgency, 0 (hold) to 31 (expedite), of a pending job."""

    async def collect(self, jobid: int) -> JobEnd:
        """Return how an inactive waitable job has ended, once; raises ``FluxRefused`` (ECHILD)."""


class OutputSource(Protocol):
    """An object that reads the output of a job."""

    def output(
        self, jobid: int, *, follow: bool = False, first: int = 0, last: Last | None = None
    ) -> AsyncIterator[OutputBatch]:
        """Yield the RFC 24 output eventlog: the present entries or, with *follow*, all of them.

        Args:
            jobid: The job.
            follow: Wait for new entries until the end. A batch without entries marks the point
                where all entries that existed at first have been yielded.
            first: The index of the first entry.
            last: The tail to begin with, instead of *first*.
        """


class JobRecords(OutputSource, Protocol):
    """An object that reads the stored data of one job."""

    async def lookup(self, jobid: int, key: LookupKey) -> str:
        """Return the raw eventlog, jobspec or R of a job, with its updates applied.

        The eventlog is RFC 18 text, the others JSON. R of a job that never had resources raises
        ``NotFound``.
        """

    async def eventlog(self, jobid: int) -> list[Event]:
        """Return the events of a job that the instance still has.

        They include all events that the journal sent before this call.
        """


class ResourceInfo(Protocol):
    """An object that reads the resources and queues of an instance."""

    async def resources(self) -> Resources:
        """Return nodes, cores and GPUs: all, allocated, down, drained."""

    async def queues(self) -> list[Queue]:
        """Return the queues and their current state."""


class ChangeSource(Protocol):
    """A source of all changes of jobs."""

    def changes(self) -> AsyncIterator[ChangeBatch]:
        """Yield a :class:`Resync`, a complete listing, the sentinel, then each change.

        If the source loses track of changes, it yields another :class:`Resync`, followed by a
        listing and a sentinel. A source may yield an empty batch when it has no more changes now:
        the caller may then let some collect before it asks for more.

        Raises:
            InstanceUnavailable: The stream is lost; the caller may call this again.
        """


class Instance(JobControl, JobRecords, ResourceInfo, ChangeSource, Protocol):
    """A Flux instance with all its operations."""

    async def start(self) -> InstanceInfo:
        """Connect or start; raise ``InstanceUnavailable`` if that fails."""

    async def close(self, timeout: float = CLOSE_TIMEOUT_S) -> None:
        """Disconnect and release all resources within about *timeout* seconds.

        The method never raises and may be called twice.
        """

    async def secret(self) -> bytes:
        """Return the persistent secret that the services of this instance share.

        Only the owner of the instance, and the owner's processes, can read it. Raises
        ``InstanceUnavailable``, or ``FluxRefused`` if it cannot be stored.
        """

    async def ping(self) -> None:
        """Wait for an answer of the instance; raise ``InstanceUnavailable`` without one."""

    async def shutdown(self) -> None:
        """Shut down the whole instance (``flux shutdown``)."""


@dataclass(frozen=True, slots=True)
class ChildPlace:
    """A job that is also an instance, as described by the table of its parent.

    Attributes:
        jobid: The job.
        uri: The address that the job has posted. Any program of its owner can post any text.
        ranks: The ranks of its nodes in the parent (RFC 22).
        nodelist: Their hosts (RFC 29).
    """

    jobid: int
    uri: str
    ranks: str
    nodelist: str


class JobCounter(Protocol):
    """A counter of the jobs of one instance; the counts are kept current until it is closed."""

    @property
    def counts(self) -> dict[str, Any] | None:
        """``total``, and the counts by ``states`` and ``results``; ``None`` before the first."""

    @property
    def utilization(self) -> dict[str, dict[str, int]] | None:
        """``total`` and ``allocated`` of nodes, cores and GPUs; ``None`` if they are not known."""

    @property
    def problem(self) -> str | None:
        """The reason why the counts are no longer current, or ``None``."""

    def close(self) -> None:
        """Stop counting."""


@runtime_checkable
class Parent(Protocol):
    """An instance whose jobs can be instances."""

    def child(self, place: ChildPlace) -> Instance:
        """Return the instance of a job, not started; its ``start`` finds a transport."""

    async def count(self, place: ChildPlace) -> JobCounter:
        """Count the jobs of the instance of a job, without opening it.

        Raises:
            InstanceUnavailable: No transport reaches it.
        """


@runtime_checkable
class PastParent(Protocol):
    """A past instance; some of its jobs were instances, which are past as well."""

    @property
    def past_children(self) -> Collection[int]:
        """The jobs that were instances, of which records still exist."""

    def past_child(self, jobid: int) -> Instance:
        """Return the instance of one of :attr:`past_children`, not started."""


@runtime_checkable
class NodeFileReader(Protocol):
    """An instance that can read files on its nodes, as its owner."""

    async def read_file(self, rank: int, wanted: Wanted) -> Piece:
        """Read a piece of a file on the node of broker *rank*; see ``read_piece``."""


@runtime_checkable
class JobEnder(Protocol):
    """An instance whose running jobs end with it."""

    async def end_jobs(self, timeout: float) -> None:
        """End all running jobs within about *timeout* seconds; start no other.

        The instance continues to answer, and its change stream reports the ends.
        """


@runtime_checkable
class RunCanceler(Protocol):
    """An instance whose jobs continue without the service, until the instance shuts down."""

    async def cancel_running(self) -> None:
        """Cancel all running jobs as the shutdown of the instance does; start no other."""


@runtime_checkable
class Mortal(Protocol):
    """An instance that may end before the service; ``kept`` then reads its jobs."""

    kept: JobRecords | None


@runtime_checkable
class Watchable(Protocol):
    """An instance whose calls can be timed."""

    def watch_calls(self, watch: CallWatch) -> None:
        """Wrap every call in *watch*; call this before :meth:`Instance.start`."""

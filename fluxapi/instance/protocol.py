"""The one protocol that a real broker and the embedded instance both speak.

Rules for implementers, held by ``tests/contract``:

* Every method is safe to call from the event loop and never blocks it.
* Every call ends: it returns, or raises a :class:`fluxapi.errors.FluxapiError` — ``JobNotFound``,
  ``JobInactive``, ``FluxRefused`` (with Flux's own words) or ``InstanceUnavailable``.
* State changes only show in :meth:`ChangeSource.changes`; a write method returns ids, never
  records.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from fluxapi.errors import FluxapiError
from fluxapi.model.eventlog import Event, JournalMessage, Purged, Resync
from fluxapi.model.output import Last, OutputBatch
from fluxapi.model.submission import Submission

__all__ = [
    "CLOSE_TIMEOUT_S",
    "CallWatch",
    "Capabilities",
    "Change",
    "ChangeBatch",
    "ChangeSource",
    "Instance",
    "InstanceInfo",
    "JobControl",
    "JobRecords",
    "Last",
    "LookupKey",
    "OutputBatch",
    "Queue",
    "ResourceInfo",
    "Resources",
    "Submission",
    "Watchable",
]

CLOSE_TIMEOUT_S = 10.0
"""Seconds that :meth:`Instance.close` may take where nobody says otherwise."""

CallWatch = Callable[[str], AbstractContextManager[object]]
"""Is entered with the topic of a call to Flux, and left when it has ended, well or not."""

LookupKey = Literal["eventlog", "jobspec", "R"]
"""What :meth:`Instance.lookup` can fetch from a job's KVS directory (RFC 16)."""

Change = JournalMessage | Purged | Resync
"""An item of the change stream."""

ChangeBatch = list[Change]
"""What one hand-over of the change stream holds, in order."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an instance can do; handlers, pages and the command line ask and never guess.

    Attributes:
        submit, cancel, signal, urgency, shutdown: Whether the method of the same purpose works.
        jobs: Whose jobs it tells of: ``all``, or the service's own user's (``own``).
        events: ``exact`` where they are those of the eventlog (RFC 18), ``derived`` where they
            are made from the states that a listing shows.
    """

    submit: bool = True
    cancel: bool = True
    signal: bool = True
    urgency: bool = True
    shutdown: bool = True
    jobs: Literal["all", "own"] = "all"
    events: Literal["exact", "derived"] = "exact"


@dataclass(frozen=True, slots=True)
class InstanceInfo:
    """Facts that do not change while connected.

    ``kind`` is ``flux`` or ``embedded``; ``uri`` the broker's URI or ``None``; ``size`` the number
    of brokers; ``owner`` the user id of the instance owner; ``starttime`` seconds since the epoch;
    ``statedir`` where the history outlives the instance, ``None`` if it does not;
    ``capabilities`` what can be asked of it.
    """

    kind: Literal["flux", "embedded"]
    version: str
    uri: str | None
    size: int
    hostname: str
    owner: int
    starttime: float
    statedir: str | None = None
    capabilities: Capabilities = Capabilities()


@dataclass(frozen=True, slots=True)
class Resources:
    """The answers of ``resource.sched-status`` and ``resource.status``, merged.

    ``all``, ``allocated`` and ``down`` are R objects (RFC 20) or ``None`` when empty; ``drain``
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
class Queue:
    """One queue (RFC 33): ``name`` is ``""`` for the anonymous one.

    ``enabled``: it takes jobs; ``started``: it starts them; reasons are Flux's words.
    """

    name: str
    enabled: bool
    started: bool
    default: bool = False
    disable_reason: str | None = None
    stop_reason: str | None = None


class JobControl(Protocol):
    """Submits jobs and changes them."""

    async def submit(self, submissions: Sequence[Submission]) -> list[int | FluxapiError]:
        """Submit many jobs, pipelined: for each, in order, its job id or what went wrong.

        Never raises for one bad job: its place in the list holds the error. ``OutcomeUnknown``
        stands for a job that was sent and may yet come to the journal.
        """

    async def settle(self) -> None:
        """Return once each submission that was sent before is in the journal, or refused.

        Those of another process that has ended meanwhile, too. Raises ``InstanceUnavailable``.
        """

    async def raise_exception(
        self, jobid: int, type: str, severity: int, note: str | None = None
    ) -> None:
        """Raise a job exception (RFC 21); ``("cancel", 0)`` cancels the job."""

    async def kill(self, jobid: int, signum: int) -> None:
        """Send a signal to all tasks of a running job."""

    async def set_urgency(self, jobid: int, urgency: int) -> None:
        """Set the urgency, 0 (hold) to 31 (expedite), of a pending job."""


class JobRecords(Protocol):
    """Tells what is kept of one job."""

    async def lookup(self, jobid: int, key: LookupKey) -> str:
        """Return the raw eventlog, jobspec or R of a job, with its updates applied.

        The eventlog is RFC 18 text, the others JSON. R of a job that never had resources raises
        ``NotFound``.
        """

    async def eventlog(self, jobid: int) -> list[Event]:
        """Return the events of a job that the instance still holds, in step with the journal.

        What the journal had told before this was called is in it.
        """

    def output(
        self, jobid: int, *, follow: bool = False, first: int = 0, last: Last | None = None
    ) -> AsyncIterator[OutputBatch]:
        """Yield the RFC 24 output eventlog: what there is or, with ``follow``, until its end.

        It begins with the entry of index ``first``, or with the end that ``last`` describes. With
        ``follow``, a batch without entries comes when all has been given that was there at first.
        A job that has not written anything yields no entries (and with ``follow`` is waited for).
        """


class ResourceInfo(Protocol):
    """Tells what the instance has and what its queues do."""

    async def resources(self) -> Resources:
        """Return nodes, cores and gpus: all, allocated, down, drained."""

    async def queues(self) -> list[Queue]:
        """Return the queues and what they do at the moment."""


class ChangeSource(Protocol):
    """Tells of every change of a job."""

    def changes(self) -> AsyncIterator[ChangeBatch]:
        """Yield a :class:`Resync`, a whole listing, the sentinel, then each change as it happens.

        Another :class:`Resync` may follow at any time, where the source cannot say what has
        changed: then a listing and a sentinel follow again. Ends by raising
        ``InstanceUnavailable`` when the stream is lost; the caller asks again.
        """


class Instance(JobControl, JobRecords, ResourceInfo, ChangeSource, Protocol):
    """A Flux instance with all that can be asked of it."""

    async def start(self) -> InstanceInfo:
        """Connect (or begin); raises ``InstanceUnavailable`` when that fails."""

    async def close(self, timeout: float = CLOSE_TIMEOUT_S) -> None:
        """Let go of the instance and of every resource within about *timeout* seconds.

        Never raises, may be called twice.
        """

    async def secret(self) -> bytes:
        """Return the secret that services in front of this instance share, now and later.

        Only the owner of the instance can read it, and so what the owner runs. Raises
        ``InstanceUnavailable``, or ``FluxRefused`` where it cannot be kept.
        """

    async def ping(self) -> None:
        """Return when the instance answers; raises ``InstanceUnavailable`` otherwise."""

    async def shutdown(self) -> None:
        """Ask the whole instance to end (``flux shutdown``)."""


@runtime_checkable
class Watchable(Protocol):
    """An instance whose calls can be timed."""

    def watch_calls(self, watch: CallWatch) -> None:
        """Have ``watch`` around every call; before :meth:`Instance.start`."""

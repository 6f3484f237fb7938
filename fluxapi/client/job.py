"""Jobs and lists of jobs."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Annotated, Any

import msgspec

from fluxapi.model.duration import duration
from fluxapi.process.text import safe

from . import text
from .limits import CInt, Moment, Seconds
from .record import Record

__all__ = ["Job", "JobException", "JobHistory", "JobId", "JobLine", "JobList"]

JobId = Annotated[str, msgspec.Meta(pattern=r"\Af[1-9A-HJ-NP-Za-km-z]{1,11}\Z")]
"""Plain F58 (RFC 19), which needs no escaping in a shell or a terminal."""

_COLUMNS = ("id", "user", "name", "state", "tasks", "nodes", "time", "where")
_MAX_ROWS_SHOWN = 100
"""Rows of a list that a notebook shows."""


class JobException(Record, frozen=True, omit_defaults=True):
    """The worst exception of a job (RFC 21)."""

    occurred: bool
    severity: int | None = None
    """0 is fatal."""
    type: str | None = None
    note: str | None = None


class JobHistory(Record, frozen=True, omit_defaults=True, kw_only=True):
    """The place of a past job in the history of the service."""

    instance: str = ""
    """ID of the Flux instance; it outlives restarts of the instance."""
    path: str = ""
    """Path of the instance in the tree of instances."""
    purged: Moment | None = None
    """When the service learned that Flux had purged the job."""


class JobLine(Record, frozen=True, omit_defaults=True, kw_only=True):
    """The place of a job among those of its queue that wait for resources."""

    place: int
    """From 1, by priority, then by ID; a smaller job may start before it."""
    waiting: int
    """Number of these jobs."""
    has_estimates: bool = False
    """``True`` if the scheduler has estimated when one of them starts."""
    latest_start: float | None = None
    """When the first of all starts at the latest, by the time limits of the jobs that run, if no
    other job comes first and no node goes down."""
    is_unbounded: bool = False
    """``True`` if running jobs without a time limit hold what the first of all needs."""


class Job(Record, frozen=True, omit_defaults=True, kw_only=True):
    """One job, with the attributes of RFC 43; ``None`` is not set, or not known yet.

    Times are seconds since the epoch, ``runtime`` and ``duration`` seconds.
    """

    id: JobId
    """Plain F58 (RFC 19)."""
    state: str
    """DEPEND, PRIORITY, SCHED, RUN, CLEANUP or INACTIVE (RFC 21)."""
    status: str
    """The result of an inactive job, else its state."""
    revision: int | None = None
    """Number of eventlog entries that this record is computed from."""
    result: str | None = None
    """COMPLETED, FAILED, CANCELED or TIMEOUT."""
    success: bool | None = None
    returncode: CInt | None = None
    """Exit code; negative signal number; −128 if canceled before it ran."""
    waitstatus: CInt | None = None
    userid: int | None = None
    username: str | None = None
    urgency: int | None = None
    priority: int | None = None
    name: str | None = None
    cwd: str | None = None
    queue: str | None = None
    bank: str | None = None
    project: str | None = None
    group: str | None = None
    """The ID of the group that the job is in."""
    group_name: str | None = None
    cc: str | None = None
    """The number that ``--cc`` gave the job."""
    ntasks: int | None = None
    ncores: int | None = None
    nnodes: int | None = None
    properties: list[str] | None = None
    """While the job waits: the properties that its nodes need, with those of its queue."""
    ngpus: int | None = None
    """While the job waits: the GPUs that it requests."""
    constrained: bool | None = None
    """While the job waits: whether it has another constraint, or requests GPUs or the like."""
    ranks: str | None = None
    """An idset (RFC 22)."""
    nodelist: str | None = None
    """A hostlist (RFC 29)."""
    duration: Seconds | None = None
    """The time limit; 0 is unlimited."""
    expiration: Seconds | None = None
    runtime: Seconds | None = None
    t_submit: Moment | None = None
    t_depend: Moment | None = None
    t_priority: Moment | None = None
    t_sched: Moment | None = None
    t_run: Moment | None = None
    t_cleanup: Moment | None = None
    t_inactive: Moment | None = None
    dependencies: list[str] | None = None
    exception: JobException | None = None
    annotations: dict[str, Any] | None = None
    uri: str | None = None
    instance: dict[str, Any] | None = None
    """The instance that the job is; only ``get`` tells it."""
    history: JobHistory | None = None
    """Set if the record comes from the history of the service."""
    truncated: list[str] | None = None
    """Fields that exceeded the limits of a record and were shortened."""
    reason: str | None = None
    """Why the job waits, as text; streams do not include it."""
    line: JobLine | None = None
    """Its place among the jobs that wait for resources; only ``get`` tells it."""

    @property
    def is_active(self) -> bool:
        """``True`` until the job is inactive."""
        return self.state != "INACTIVE"

    def elapsed(self, now: float | None = None) -> float | None:
        """Return the seconds that the job has run, up to ``now``; ``None`` before it starts."""
        if self.runtime is not None and self.runtime > 0:
            return self.runtime
        if self.t_run is None:
            return None
        end = self.t_cleanup if self.t_cleanup is not None else self.t_inactive
        if end is None:
            end = time.time() if now is None else now
        return max(end - self.t_run, 0.0)

    def to_dict(self) -> dict[str, Any]:
        """Return the record as a dict, as in JSON, without unset fields."""
        record: dict[str, Any] = msgspec.to_builtins(self)
        return record

    def __repr__(self) -> str:
        parts = ["<Job", safe(self.id)]
        if self.name is not None:
            parts.append(text.quoted(self.name))
        parts.append(safe(self.status))
        elapsed = self.elapsed()
        if elapsed is not None:
            parts.append(duration(elapsed))
        return f"{' '.join(parts)}>"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return list(self.to_dict().items())

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th style='text-align:left'>{text.cell(name)}</th>"
            f"<td style='text-align:left'>{text.cell(value)}</td></tr>"
            for name, value in self.to_dict().items()
        )
        return f"<table><tbody>{rows}</tbody></table>"

    def _cells(self) -> tuple[object, ...]:
        elapsed = self.elapsed()
        return (
            self.id,
            self.username if self.username is not None else self.userid,
            self.name,
            self.status,
            self.ntasks,
            self.nnodes,
            None if elapsed is None else duration(elapsed),
            self.nodelist,
        )


class JobList(list[Job]):
    """A list of jobs, newest first; a notebook shows it as a table.

    ``cursor`` is the position of the event channel before the list was read: follow events from
    there to miss nothing. ``more`` tells whether further jobs match.
    """

    def __init__(
        self, jobs: Iterable[Job] = (), *, cursor: str | None = None, more: bool = False
    ) -> None:
        super().__init__(jobs)
        self.cursor = cursor
        self.more = more

    def _repr_html_(self) -> str:
        head = "".join(f"<th style='text-align:left'>{name}</th>" for name in _COLUMNS)
        rows = "".join(
            "<tr>"
            + "".join(f"<td style='text-align:left'>{text.cell(c)}</td>" for c in job._cells())  # noqa: SLF001 - its own list
            + "</tr>"
            for job in self[:_MAX_ROWS_SHOWN]
        )
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        hidden = len(self) - _MAX_ROWS_SHOWN
        return table + (f"<p>and {hidden} more</p>" if hidden > 0 else "")

"""A job as the service gives it, and lists of jobs."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Annotated, Any

import msgspec

from fluxapi.process.text import safe

from . import text
from .record import Record

__all__ = ["Job", "JobException", "JobId", "JobList"]

JobId = Annotated[str, msgspec.Meta(pattern=r"\Af[1-9A-HJ-NP-Za-km-z]{1,11}\Z")]
"""F58 plain (RFC 19), so that it can be shown, and completed by a shell, as it is."""

_COLUMNS = ("id", "user", "name", "state", "tasks", "nodes", "time", "where")
_SHOWN = 100
"""Rows that a notebook shows of a list."""


class JobException(Record, frozen=True, omit_defaults=True):
    """The worst exception of a job (RFC 21)."""

    occurred: bool
    severity: int | None = None
    """0 is fatal."""
    type: str | None = None
    note: str | None = None


class Job(Record, frozen=True, omit_defaults=True, kw_only=True):
    """One job, in the words of RFC 43; ``None`` is what is not set, or not known yet.

    Times are seconds since the epoch, ``runtime`` and ``duration`` seconds.
    """

    id: JobId
    """F58 plain (RFC 19)."""
    state: str
    """DEPEND, PRIORITY, SCHED, RUN, CLEANUP or INACTIVE (RFC 21)."""
    status: str
    """The result of an inactive job, else its state."""
    revision: int | None = None
    """Entries of the eventlog that this is folded from."""
    result: str | None = None
    """COMPLETED, FAILED, CANCELED or TIMEOUT."""
    success: bool | None = None
    returncode: int | None = None
    """Exit code, minus the signal, −128 for canceled before it ran."""
    waitstatus: int | None = None
    userid: int | None = None
    username: str | None = None
    urgency: int | None = None
    priority: int | None = None
    name: str | None = None
    cwd: str | None = None
    queue: str | None = None
    bank: str | None = None
    project: str | None = None
    ntasks: int | None = None
    ncores: int | None = None
    nnodes: int | None = None
    ranks: str | None = None
    """An idset (RFC 22)."""
    nodelist: str | None = None
    """A hostlist (RFC 29)."""
    duration: float | None = None
    """The time limit; 0 is none."""
    expiration: float | None = None
    runtime: float | None = None
    t_submit: float | None = None
    t_depend: float | None = None
    t_priority: float | None = None
    t_sched: float | None = None
    t_run: float | None = None
    t_cleanup: float | None = None
    t_inactive: float | None = None
    dependencies: list[str] | None = None
    exception: JobException | None = None
    annotations: dict[str, Any] | None = None
    uri: str | None = None
    truncated: list[str] | None = None
    """Fields of which the job brought more than a record holds."""
    reason: str | None = None
    """Why it waits, in words; not told by streams."""

    @property
    def is_active(self) -> bool:
        """Whether it has not ended."""
        return self.state != "INACTIVE"

    def elapsed(self, now: float | None = None) -> float | None:
        """Seconds that it ran, up to ``now`` if it still does; ``None`` before it began."""
        if self.runtime is not None and self.runtime > 0:
            return self.runtime
        if self.t_run is None:
            return None
        end = self.t_cleanup if self.t_cleanup is not None else self.t_inactive
        if end is None:
            end = time.time() if now is None else now
        return max(end - self.t_run, 0.0)

    def to_dict(self) -> dict[str, Any]:
        """The record as JSON has it: without what is not set."""
        record: dict[str, Any] = msgspec.to_builtins(self)
        return record

    def __repr__(self) -> str:
        parts = ["<Job", safe(self.id)]
        if self.name is not None:
            parts.append(text.quoted(self.name))
        parts.append(safe(self.status))
        elapsed = self.elapsed()
        if elapsed is not None:
            parts.append(text.span(elapsed))
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
            None if elapsed is None else text.span(elapsed),
            self.nodelist,
        )


class JobList(list[Job]):
    """Jobs that came whole, newest first; a notebook shows them as a table.

    ``cursor`` is where the event channel stood before the first of them was read: who follows
    events from there misses nothing that the list does not show. ``more``: there are others.
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
            for job in self[:_SHOWN]
        )
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        hidden = len(self) - _SHOWN
        return table + (f"<p>and {hidden} more</p>" if hidden > 0 else "")

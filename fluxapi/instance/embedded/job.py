"""A job of the embedded instance, while it is active and after it has ended."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from fluxapi.model.eventlog import Event, JournalMessage, decode_eventlog, encode_eventlog

from .execution import Execution
from .launcher import Plan
from .outline import Outline
from .output import OutputLog
from .scheduler import Allocated
from .wall_timers import WallTimer

__all__ = ["DEBUG", "Ended", "Job", "Outcome", "log_unreadable", "redact", "redacted"]

_log = logging.getLogger(__name__)
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])

DEBUG = 2
"""FLUX_JOB_DEBUG, in the submit event's ``flags``."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a job for dependencies (src/modules/job-manager/plugins/dependency-after.c).

    ``excepted``: a fatal exception ended it; ``completed``: it ended successfully.
    """

    inactive: bool
    allocated: bool
    started: bool
    completed: bool
    excepted: bool


class Job:
    """An active job. ``state`` is RFC 21's; ``published`` events of ``events`` are in the journal.

    ``depends`` contains the descriptions of unmet dependencies, ``timers`` the timers to cancel
    when the job ends, ``signals`` those that came before there was a process. A job that could not
    be stored is ``withdrawn``, and is never published.
    """

    __slots__ = (
        "R",
        "allocated",
        "depends",
        "doomed",
        "events",
        "execution",
        "fatal",
        "id",
        "jobspec",
        "killing",
        "log",
        "outline",
        "plan",
        "published",
        "signals",
        "state",
        "timers",
        "tmpdir",
        "urgency",
        "withdrawn",
    )

    def __init__(self, jobid: int, jobspec: bytes, outline: Outline, log: OutputLog) -> None:
        self.id = jobid
        self.jobspec = jobspec
        self.outline = outline
        self.log = log
        self.urgency = 16
        self.state = "NEW"
        self.events: list[Event] = []
        self.published = 0
        self.depends: dict[str, None] = {}
        self.allocated: Allocated | None = None
        self.R: dict[str, Any] | None = None
        self.plan: Plan | None = None
        self.execution: Execution | None = None
        self.fatal = False
        self.killing = False
        self.doomed = False
        self.timers: list[asyncio.TimerHandle | WallTimer] = []
        self.signals: list[int] = []
        self.tmpdir: Path | None = None
        self.withdrawn = False

    def has(self, name: str) -> bool:
        """Return whether the eventlog has an event of this name."""
        return any(event.name == name for event in self.events)

    @property
    def outcome(self) -> Outcome:
        """The facts for dependencies."""
        return _outcome(self.events, inactive=self.state == "INACTIVE")

    def stop_timers(self) -> None:
        """Cancel all timers."""
        for timer in self.timers:
            timer.cancel()
        self.timers.clear()

    def message(self, count: int) -> JournalMessage:
        """Return the backlog message with the first *count* events."""
        return JournalMessage(
            self.id, self.events[:count], redact(msgspec.json.decode(self.jobspec)), self.R
        )


class Ended(msgspec.Struct, gc=False):
    """An inactive job, kept small: encoded eventlog, jobspec and R.

    ``output`` is the whole output log if it is small, else the log with its file.
    """

    id: int
    jobspec: bytes
    eventlog: bytes
    R: bytes | None
    output: bytes | OutputLog

    @property
    def size(self) -> int:
        """Return the bytes that the job keeps in memory, without a constant."""
        output = 0 if isinstance(self.output, OutputLog) else len(self.output)
        return len(self.jobspec) + len(self.eventlog) + len(self.R or b"") + output

    @property
    def log(self) -> OutputLog:
        """Return the output log for reading."""
        if isinstance(self.output, OutputLog):
            return self.output
        return OutputLog.stored(Path(), self.output, 0)

    @classmethod
    def of(cls, job: Job) -> Ended:
        """Return the compact form of a job that has become inactive."""
        R = None if job.R is None else msgspec.json.encode(job.R)
        inline = job.log.inline
        output = job.log if inline is None else inline
        return cls(job.id, job.jobspec, encode_eventlog(job.events), R, output)

    @property
    def outcome(self) -> Outcome:
        """The facts for dependencies."""
        return _outcome(decode_eventlog(self.eventlog), inactive=True)

    def message(self) -> JournalMessage:
        """Return the backlog message."""
        return JournalMessage(
            self.id,
            decode_eventlog(self.eventlog),
            redact(msgspec.json.decode(self.jobspec)),
            None if self.R is None else msgspec.json.decode(self.R),
        )


def log_unreadable(jobid: int, error: Exception) -> None:
    """Log that a stored job is left out."""
    _log.error(
        "job %d of the state directory cannot be read and is left out: %s: %s",
        jobid,
        type(error).__name__,
        error,
    )


def redact(jobspec: dict[str, Any]) -> dict[str, Any]:
    """Remove the environment from *jobspec* in place, as in the journal, and return it."""
    jobspec["attributes"]["system"].pop("environment", None)
    return jobspec


def redacted(jobspec: bytes) -> bytes:
    """Return a jobspec without the environment; its values, maybe millions, are not decoded."""
    whole = _members.decode(jobspec)
    attributes = _members.decode(whole["attributes"])
    system = _members.decode(attributes["system"])
    system.pop("environment", None)
    attributes["system"] = msgspec.Raw(msgspec.json.encode(system))
    whole["attributes"] = msgspec.Raw(msgspec.json.encode(attributes))
    return msgspec.json.encode(whole)


def _outcome(events: list[Event], *, inactive: bool) -> Outcome:
    names = {event.name for event in events}
    excepted = completed = False
    for event in events:
        context = event.context or {}
        if event.name == "exception" and context.get("severity") == 0:
            excepted = True
            break
        if event.name == "finish":
            completed = context.get("status") == 0
            break
    return Outcome(inactive, "alloc" in names, "start" in names, completed, excepted)

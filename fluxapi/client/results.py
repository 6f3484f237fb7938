"""Results of requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from .errors import ProblemError
from .job import Job, JobId
from .record import Record

__all__ = [
    "AccessToken",
    "CancelResult",
    "CheckedJob",
    "CollectedJob",
    "Dependencies",
    "EndedJobs",
    "FoundJobs",
    "IssuedToken",
    "JobFinding",
    "Scope",
    "Template",
    "TemplateEntry",
    "Token",
]

Scope = Literal["view", "operate", "submit", "admin"]
"""The rights of a token; each scope includes those before it."""


@dataclass(frozen=True)
class CancelResult:
    """The number of jobs asked to end; ``errors`` has the ID and the error of each other one."""

    requested: int
    failed: int
    errors: Sequence[tuple[str, ProblemError]] = ()
    more: bool = False
    """``True`` if more jobs match than one request cancels; repeat it to cancel them."""


class LinkedJob(Record, frozen=True):
    """A job of a graph; one that is not known anymore has only an ID."""

    id: str
    name: str | None = None
    status: str | None = None
    """The state, or the result."""


class Link(Record, frozen=True):
    """A dependency: ``job`` waits for the job ``after``, by a scheme of RFC 26."""

    job: str
    after: str
    scheme: str


class Dependencies(Record, frozen=True):
    """The jobs that a job waits for, and those that wait for it, directly or not.

    A job comes after those that it waits for. ``more``: there are more jobs than asked for.
    """

    id: str
    jobs: Sequence[LinkedJob]
    links: Sequence[Link]
    more: bool = False


class FoundJobs(Record, frozen=True):
    """The jobs of a list of IDs, in its order, each once."""

    jobs: list[Job]
    unknown: list[str]
    """The given IDs of unknown jobs: they are invalid, or the job was purged."""
    cursor: str
    """The position of the event channel before the jobs were read."""


class EndedJobs(Record, frozen=True):
    """The jobs of a list of IDs that have ended, and the others; each once."""

    ended: list[JobId]
    active: list[JobId]
    unknown: list[str]
    """The given IDs of unknown jobs: they are invalid, or the job was purged."""


class CollectedJob(Record, frozen=True):
    """How a waitable job has ended."""

    id: JobId
    success: bool
    message: str
    """Why it failed, in the words of Flux; empty if it did not."""


@dataclass(frozen=True)
class AccessToken:
    """A bearer token; the repr omits it."""

    token: str = field(repr=False)
    expires: float
    """Expiration, in seconds since the epoch."""


@dataclass(frozen=True)
class Token:
    """A token without its secret; times are in seconds since the epoch."""

    id: str
    name: str
    scope: Scope
    created: float
    expires: float | None
    """``None`` if the token does not expire."""
    last_used: float | None
    is_expired: bool = False


@dataclass(frozen=True)
class IssuedToken:
    """A token with its secret, which the repr omits."""

    token: Token
    secret: str = field(repr=False)
    """A bearer token, or the password of HTTP Basic with any user name."""
    kept: bool = True
    """``False`` if the token ends with the service, which has no state directory."""


class TemplateEntry(Record, frozen=True):
    """A template without its request; times are in seconds since the epoch."""

    name: str
    created: float
    modified: float
    bytes: int
    """Its size in the store of the service."""
    description: str = ""


class Template(Record, frozen=True):
    """A request for a job, or for many, under a name; times are in seconds since the epoch."""

    name: str
    job: dict[str, Any]
    """The fields of the job."""
    created: float
    modified: float
    description: str = ""
    copies: int | None = None
    """How many times the job is submitted."""
    cc: str | None = None
    """IDs (RFC 22): the job is submitted once for each."""


class JobFinding(Record, frozen=True):
    """One thing that will not go as a job says, in a sentence."""

    pointer: str
    """The field in question (RFC 6901)."""
    outcome: str
    """``refused``; ``impossible``: it can never start; ``waits``; ``note``."""
    detail: str
    code: str = ""
    """The kind of finding, which is stable."""
    params: dict[str, Any] = msgspec.field(default_factory=dict)
    """The values in the sentence."""


class CheckedJob(Record, frozen=True):
    """A job that was checked but not submitted. Flux decides when it is submitted."""

    valid: bool
    errors: list[tuple[str, str]]
    """Pointer and sentence of each invalid field."""
    findings: list[JobFinding]
    warnings: list[str]
    size: dict[str, Any]
    """``tasks``, ``nodes``, ``cores``, ``gpus``, ``whole_nodes``, ``duration`` and ``queue``."""
    unknown: list[str]
    """``queues`` and ``nodes``, if the instance did not tell them."""

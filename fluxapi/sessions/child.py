"""One job that is an instance, as far as the service has opened it."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass
from typing import Literal

from fluxapi.errors import FluxapiError, InstanceNotFound, InstanceUnavailable
from fluxapi.instance.protocol import ChildPlace
from fluxapi.model.job import Job
from fluxapi.model.jobid import encode_f58, parse
from fluxapi.model.message import Message, Sentence, problem

from .session import InstanceSession

__all__ = [
    "Child",
    "ChildLimits",
    "ChildState",
    "canonical_path",
    "foreign_reason",
    "has_ended",
    "instance_uri",
    "job_ended",
    "place_of",
]

ChildState = Literal["closed", "opening", "ready", "unreachable", "ended"]


@dataclass(frozen=True)
class ChildLimits:
    """The limits of the children of one service.

    Attributes:
        open: Children that are open at once.
        depth: Levels below the root.
        idle_timeout: Seconds after which a child that is not used is closed.
        open_timeout: Seconds that opening one may take.
    """

    open: int = 8
    depth: int = 4
    idle_timeout: float = 300.0
    open_timeout: float = 15.0


class Child:
    """The instance of the job at the end of *path*, and its session while it is open.

    Attributes:
        is_followed: The service itself keeps it open, until a client needs its place.
        users: Requests and streams that use it, and open children below it.
        reason: Why it is unreachable or has ended.
        retry_at: The time at which it may be tried again, by the monotonic clock.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.parent_path, _, self.jobid = path.rpartition("/")
        self.parent: Child | None = None
        self.session: InstanceSession | None = None
        self.place: ChildPlace | None = None
        """The job and the address that the last attempt used."""
        self.opening: asyncio.Task[None] | None = None
        self.watching: asyncio.Task[None] | None = None
        self.is_followed = False
        self.users = 0
        self.used_at = time.monotonic()
        self.reason: Sentence = ""
        self.error: FluxapiError | None = None
        self.failures = 0
        self.retry_at = 0.0
        self._has_ended = False

    @property
    def is_opening(self) -> bool:
        """Return whether it is being opened."""
        return self.opening is not None and not self.opening.done()

    @property
    def state(self) -> ChildState:
        """Return the state, in the words of the API."""
        if self.session is not None:
            if self.session.ended is not None:
                return "ended"
            if not self.is_opening:
                return "ready" if self.session.is_reachable else "unreachable"
        if self.is_opening:
            return "opening"
        if self._has_ended:
            return "ended"
        return "unreachable" if self.reason else "closed"

    @property
    def problem(self) -> Sentence | None:
        """Return why it is unreachable or has ended, or ``None``."""
        if self.session is not None:
            is_well = self.is_opening or self.session.is_reachable
            return None if is_well else self.session.ended or self.session.problem
        return self.reason or None

    def use(self) -> None:
        """Begin to use it."""
        self.users += 1

    def release(self) -> None:
        """End a use."""
        self.users -= 1
        self.used_at = time.monotonic()

    def fail(self, error: FluxapiError, pause: float) -> None:
        """Note that it cannot be opened; the next attempt is after *pause* seconds."""
        self.error = error
        self.reason = error.coded if isinstance(error.coded, Message) else error.detail
        self.failures += 1
        self.retry_at = time.monotonic() + pause

    def end(self, reason: Sentence) -> None:
        """Note that its job has ended."""
        self._has_ended = True
        self.reason = reason


def canonical_path(path: str) -> str:
    """Return the path of an instance with each job ID in its one F58 form.

    Raises:
        InstanceNotFound: A part is not a job ID.
    """
    try:
        return "/".join(encode_f58(parse(part)) for part in path.split("/"))
    except ValueError:
        raise InstanceNotFound(problem("no_instance", path=path[:255])) from None


def instance_uri(job: Job) -> str | None:
    """Return the address that a job has posted, or ``None`` if it is not a running instance."""
    if job.state != "RUN" or job.annotations is None:
        return None
    user = job.annotations.get("user")
    uri = user.get("uri") if isinstance(user, dict) else None
    return uri if isinstance(uri, str) and uri else None


def foreign_reason(job: Job) -> Message | None:
    """Return why the instance of a job of another user cannot be opened, or ``None``."""
    if job.userid == os.getuid():
        return None
    return Message("reasons", "other_user", {"job": encode_f58(job.id), "userid": str(job.userid)})


def job_ended(jobid: str) -> Message:
    """Return that the job of an instance has ended."""
    return Message("reasons", "job_ended", {"job": jobid})


def has_ended(job: Job | None) -> bool:
    """Return whether the broker of a job has ended."""
    return job is None or job.is_inactive or job.waitstatus >= 0


def place_of(session: InstanceSession, jobid: str) -> ChildPlace:
    """Return the place of the instance that a job of *session* is.

    Raises:
        InstanceNotFound: The job is not a running instance; the detail says why.
        InstanceUnavailable: The jobs of the parent are not known yet, or the job belongs to another
            user, and only that user can open its instance.
    """
    try:
        job = session.job(jobid)
    except InstanceUnavailable:
        raise
    except FluxapiError as error:
        raise InstanceNotFound(error.coded or error.detail) from None
    name = encode_f58(job.id)
    if has_ended(job):
        raise InstanceNotFound(job_ended(name))
    uri = instance_uri(job)
    if uri is None:
        if job.state != "RUN":
            raise InstanceNotFound(problem("no_instance_yet", job=name))
        raise InstanceNotFound(problem("job_no_instance", job=name))
    reason = foreign_reason(job)
    if reason is not None:
        raise InstanceUnavailable(reason, retry_after=60)
    allocation = job.allocation
    ranks, nodelist = (allocation.ranks, allocation.nodelist) if allocation else ("", "")
    return ChildPlace(job.id, uri, ranks, nodelist)

"""Functions of ``flux.job`` that submit, follow and change one job."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import Any, NamedTuple

from fluxapi.client import Conflict, JobExceptionError, NotFound
from fluxapi.client.executor import JobID
from fluxapi.client.executor.submission import Jobspec, jobspec_fields

from .constants import FLUX_JOBID_ANY
from .errors import as_os_errors, not_there
from .events import EventLogEvent, event_of
from .futures import Future
from .handle import Flux

__all__ = [
    "JobWaitResult",
    "SubmitFuture",
    "cancel",
    "cancel_async",
    "event_wait",
    "event_watch",
    "id_parse",
    "kill",
    "kill_async",
    "submit",
    "submit_async",
    "submit_get_id",
    "wait",
    "wait_async",
]

_DEFAULT_URGENCY = 16
_TERM = 15


class JobWaitResult(NamedTuple):
    """How a job has ended."""

    jobid: int
    success: bool
    errstr: bytes
    """Why it failed."""


class SubmitFuture(Future[JobID]):
    """The future of a job ID."""

    def get_id(self) -> JobID:
        """Return the ID."""
        return self.get()


def submit_async(
    flux_handle: Flux,
    jobspec: Jobspec,
    urgency: int = _DEFAULT_URGENCY,
    waitable: bool = False,
    debug: bool = False,
    pre_signed: bool = False,
) -> SubmitFuture:
    """Submit a jobspec, and return the future of the job ID."""

    def call() -> JobID:
        fields = jobspec_fields(
            jobspec, urgency, waitable=waitable, debug=debug, pre_signed=pre_signed
        )
        return JobID(flux_handle.client.submit(**fields))

    return SubmitFuture(call)


def submit_get_id(future: SubmitFuture) -> JobID:
    """Return the ID of a submitted job."""
    return future.get_id()


def submit(flux_handle: Flux, jobspec: Jobspec, *args: Any, **kwargs: Any) -> JobID:
    """Submit a jobspec, and return the job ID; the arguments are those of ``submit_async``."""
    return submit_async(flux_handle, jobspec, *args, **kwargs).get_id()


def cancel_async(flux_handle: Flux, jobid: int | str, reason: str | None = None) -> Future[None]:
    """Cancel a job."""
    return Future(lambda: flux_handle.client.cancel(JobID(jobid), note=reason))


def cancel(flux_handle: Flux, jobid: int | str, reason: str | None = None) -> None:
    """Cancel a job; raise ``OSError`` if that failed."""
    cancel_async(flux_handle, jobid, reason).get()


def kill_async(flux_handle: Flux, jobid: int | str, signum: int | None = None) -> Future[None]:
    """Send a signal to a job, by default SIGTERM."""
    number = _TERM if signum is None else int(signum)
    return Future(lambda: flux_handle.client.signal(JobID(jobid), number))


def kill(flux_handle: Flux, jobid: int | str, signum: int | None = None) -> None:
    """Send a signal to a job; raise ``OSError`` if that failed."""
    kill_async(flux_handle, jobid, signum).get()


def wait_async(flux_handle: Flux, jobid: int | str = FLUX_JOBID_ANY) -> Future[JobWaitResult]:
    """Wait for a waitable job that nobody has waited for, by default the next one to end.

    The future raises ``OSError`` (ECHILD) if there is none.
    """

    def call() -> JobWaitResult:
        any_job = jobid == FLUX_JOBID_ANY
        try:
            found = flux_handle.client.collect(None if any_job else JobID(jobid))
        except (Conflict, NotFound) as error:
            raise OSError(errno.ECHILD, error.detail) from None
        if not found:
            raise OSError(errno.ECHILD, "there are no more waitable jobs")
        return JobWaitResult(JobID(found[0].id), found[0].success, found[0].message.encode())

    return Future(call)


def wait(flux_handle: Flux, jobid: int | str = FLUX_JOBID_ANY) -> JobWaitResult:
    """Wait for a waitable job, and return how it has ended; see ``wait_async``."""
    return wait_async(flux_handle, jobid).get()


def event_watch(
    flux_handle: Flux, jobid: int | str, eventlog: str = "eventlog"
) -> Iterator[EventLogEvent]:
    """Yield the events of a job until it is inactive."""
    if eventlog != "eventlog":
        raise not_there(f"the eventlog {eventlog}")
    with as_os_errors(), flux_handle.client.job_events(JobID(jobid)) as events:
        for event in events:
            yield event_of(event)


def event_wait(
    flux_handle: Flux,
    jobid: int | str,
    name: str,
    eventlog: str = "eventlog",
    raiseJobException: bool = True,
) -> EventLogEvent:
    """Return the first event of this name.

    Raises:
        JobException: The job had a fatal exception.
        OSError: The job has ended without the event.
    """
    with as_os_errors(), flux_handle.client.job_events(JobID(jobid)) as events:
        for event in events if eventlog == "eventlog" else ():
            if event.name == name:
                return event_of(event)
            fatal = event.name == "exception" and (event.context or {}).get("severity") == 0
            if fatal and raiseJobException:
                raise JobExceptionError(event)
    if eventlog != "eventlog":
        raise not_there(f"the eventlog {eventlog}")
    raise OSError(61, f"the job ended without the event {name}")


def id_parse(text: str) -> JobID:
    """Return the job ID that a text stands for; raise ``ValueError``."""
    return JobID(text)

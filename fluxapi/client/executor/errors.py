"""Errors that a future of ``FluxExecutor`` holds."""

from __future__ import annotations

import errno
from http import HTTPStatus

from fluxapi.client.errors import ClientError, ProblemError
from fluxapi.client.event import Event

__all__ = ["JobExceptionError", "SubmitError", "submit_failure"]

_ERRNOS: dict[int, int] = {
    HTTPStatus.UNAUTHORIZED: errno.EPERM,
    HTTPStatus.FORBIDDEN: errno.EPERM,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: errno.E2BIG,
    HTTPStatus.SERVICE_UNAVAILABLE: errno.EHOSTUNREACH,
}

_REFUSALS = ("#job-limit-reached", "#not-stored", "#not-supported")
"""The ends of the types of problems by which a service refuses jobs, beside the statuses 4xx."""


class SubmitError(OSError):
    """A job was rejected. ``__cause__`` is the ``ClientError`` with the invalid fields."""


class JobExceptionError(Exception):
    """A job has ended by a fatal exception (RFC 21): it was canceled, ran out of time, …

    Args:
        event: The event ``exception`` of the eventlog.
    """

    def __init__(self, event: Event) -> None:
        super().__init__(event)
        context = event.context or {}
        self.timestamp = event.timestamp
        """Seconds since the epoch."""
        self.type = str(context.get("type", ""))
        """The kind of exception, such as ``cancel`` or ``timeout``."""
        self.note = str(context.get("note", ""))
        """An explanation for people."""
        self.severity = int(context.get("severity", 0))
        """0 is fatal."""

    def __str__(self) -> str:
        return f"job.exception: type={self.type}: {self.note}"


def submit_failure(error: ClientError) -> SubmitError | ClientError:
    """Return what the future of a job raises that was not submitted, as far as is known.

    Only an error by which the service refuses the job becomes a ``SubmitError``. After any other
    one, such as that Flux has not answered in time, the job may run.
    """
    if not isinstance(error, ProblemError) or not _is_refusal(error):
        return error
    raised = SubmitError(_ERRNOS.get(error.status, errno.EINVAL), str(error))
    raised.__cause__ = error
    return raised


def _is_refusal(error: ProblemError) -> bool:
    if error.is_of_proxy:
        return False
    return error.status < HTTPStatus.INTERNAL_SERVER_ERROR or error.type.endswith(_REFUSALS)

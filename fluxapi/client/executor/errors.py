"""Errors that a future of ``FluxExecutor`` holds."""

from __future__ import annotations

import errno
from http import HTTPStatus

from fluxapi.client.errors import ClientError, ProblemError
from fluxapi.client.event import Event

__all__ = ["JobExceptionError", "SubmitError", "not_submitted"]

_ERRNOS: dict[int, int] = {
    HTTPStatus.UNAUTHORIZED: errno.EPERM,
    HTTPStatus.FORBIDDEN: errno.EPERM,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: errno.E2BIG,
    HTTPStatus.SERVICE_UNAVAILABLE: errno.EHOSTUNREACH,
}


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


def not_submitted(error: ClientError) -> SubmitError:
    """Return what the future of a rejected job raises."""
    status = error.status if isinstance(error, ProblemError) else None
    # A proxy may answer with a status that HTTPStatus does not know.
    code = errno.EINVAL if status is None else _ERRNOS.get(status, errno.EINVAL)
    raised = SubmitError(code, str(error))
    raised.__cause__ = error
    return raised

"""The errors of the service and of the instance behind it."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from .base import Coded, FluxapiError

__all__ = [
    "HistoryUnavailable",
    "InstanceUnavailable",
    "JobLimitReached",
    "NotStored",
    "NotSupported",
    "OutcomeUnknown",
    "ShuttingDown",
    "TooManyInstances",
    "TooManyStreams",
    "Unavailable",
]


class NotSupported(FluxapiError):
    """The Flux instance lacks the capability."""

    status = 501
    title = "Not supported"
    slug = "not-supported"


class NotStored(FluxapiError):
    """The state directory cannot be written, as when the disk is full."""

    status = 507
    title = "Not stored"
    slug = "not-stored"


class Unavailable(FluxapiError):
    """The service cannot answer now; ``retry_after`` is the number of seconds to wait."""

    status = 503
    title = "Service unavailable"
    slug = "unavailable"
    tells = MappingProxyType({"Retry-After": "Seconds to wait before the next attempt."})

    def __init__(self, detail: str | Coded, *, retry_after: int = 2, **members: Any) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after)}, **members)


class InstanceUnavailable(Unavailable):
    """The Flux instance does not answer."""

    title = "Flux instance unavailable"
    slug = "instance-unavailable"


class HistoryUnavailable(Unavailable):
    """The history of ended jobs cannot be read or written."""

    title = "History unavailable"
    slug = "history-unavailable"


class OutcomeUnknown(InstanceUnavailable):
    """Flux did not answer a submission; *reason* is a sentence that says why."""

    title = "Outcome unknown"
    slug = "outcome-unknown"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"{reason} The job may have been submitted. Send the same request with the same "
            "Idempotency-Key again; without a key, look for the job before you submit it again."
        )


class JobLimitReached(Unavailable):
    """Flux would answer nobody for seconds with the job; it can be submitted later."""

    title = "Job limit reached"
    slug = "job-limit-reached"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, retry_after=10)


class TooManyStreams(Unavailable):
    """The limit of open streams is reached."""

    title = "Too many streams"
    slug = "too-many-streams"


class TooManyInstances(Unavailable):
    """The limit of child instances that are open at once is reached, and all are in use."""

    title = "Too many instances"
    slug = "too-many-instances"


class ShuttingDown(Unavailable):
    """The service is shutting down."""

    title = "Shutting down"
    slug = "shutting-down"

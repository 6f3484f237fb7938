"""The errors that fluxapi raises deliberately, each with an HTTP status (RFC 9457).

Each class carries ``status``, ``type`` (a URI reference below ``/docs/errors``) and ``title``; an
instance adds ``detail``, a sentence that says what to do, and any extension members.
"""

from __future__ import annotations

from collections.abc import Mapping
from errno import EINVAL
from math import ceil
from types import MappingProxyType
from typing import Any, ClassVar

from fluxapi.process.text import encodable

__all__ = [
    "BodyTooLarge",
    "Conflict",
    "ExpectationFailed",
    "FluxRefused",
    "FluxapiError",
    "Forbidden",
    "ForeignOrigin",
    "GroupNotFound",
    "HistoryUnavailable",
    "IdempotencyMismatch",
    "InstanceEnded",
    "InstanceNotFound",
    "InstanceUnavailable",
    "JobInactive",
    "JobNotFound",
    "MalformedJSON",
    "MethodNotAllowed",
    "NotAcceptable",
    "NotFound",
    "NotStored",
    "NotSupported",
    "OutcomeUnknown",
    "OutputChanged",
    "OutputUnreadable",
    "RangeNotSatisfiable",
    "RequestError",
    "SettingsError",
    "ShuttingDown",
    "TooManyInstances",
    "TooManyRequests",
    "TooManyStreams",
    "TooSlow",
    "Unauthorized",
    "Unavailable",
    "UnknownHost",
    "UnsupportedMediaType",
    "ValidationFailed",
]


class FluxapiError(Exception):
    """The base class: an error with an HTTP status and a sentence for the user.

    ``detail`` says what is wrong and what to do; ``members`` are RFC 9457 extension members of the
    problem document; ``headers`` are added to the response.
    """

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"
    slug: ClassVar[str] = "internal-error"
    tells: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """Response headers of this error, with their descriptions."""

    def __init__(
        self, detail: str, *, headers: dict[str, str] | None = None, **members: Any
    ) -> None:
        super().__init__(detail)
        self.detail: str = encodable(detail)
        self.headers = headers or {}
        self.members: dict[str, Any] = encodable(members)

    @property
    def type(self) -> str:
        """The problem type: a reference into the documentation."""
        return f"/docs/errors#{self.slug}"

    def problem(self, base: str = "") -> dict[str, Any]:
        """Return the RFC 9457 document, with ``Message`` and ``Errors`` for flux-restful-api.

        *base* is the prefix below which the client sees the service.
        """
        document: dict[str, Any] = {
            "type": base + self.type,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "Message": self.detail,
        }
        document.update(self.members)
        fields = self.members.get("errors")
        if fields:
            document["Errors"] = [
                f"{field['pointer']}: {field['detail']}"
                if field.get("pointer")
                else field["detail"]
                for field in fields
            ]
        return document


class SettingsError(FluxapiError):
    """A setting is invalid; the service does not start."""

    title = "Bad setting"
    slug = "bad-setting"


class RequestError(FluxapiError):
    """The request is wrong, and the client can fix it."""

    status = 400
    title = "Bad request"
    slug = "bad-request"


class MalformedJSON(RequestError):
    """The body is not JSON."""

    title = "Malformed JSON"
    slug = "malformed-json"


class Unauthorized(RequestError):
    """The credentials are missing or wrong."""

    status = 401
    title = "Unauthorized"
    slug = "unauthorized"
    tells = MappingProxyType({"WWW-Authenticate": "The accepted authentication schemes."})


class Forbidden(RequestError):
    """The request is not permitted."""

    status = 403
    title = "Forbidden"
    slug = "forbidden"


class ForeignOrigin(Forbidden):
    """A page on another site sent an unsafe request."""

    title = "Foreign origin"
    slug = "foreign-origin"


class UnknownHost(Forbidden):
    """The Host header is not on the allow-list, as with DNS rebinding."""

    title = "Unknown host"
    slug = "unknown-host"


class NotFound(RequestError):
    """The resource does not exist."""

    status = 404
    title = "Not found"
    slug = "not-found"


class JobNotFound(NotFound):
    """The job does not exist."""

    title = "Job not found"
    slug = "job-not-found"


class GroupNotFound(NotFound):
    """No job of this group is known; Flux may have purged all of them."""

    title = "Group not found"
    slug = "group-not-found"


class InstanceNotFound(NotFound):
    """The service has no Flux instance at this path."""

    title = "Instance not found"
    slug = "instance-not-found"


class MethodNotAllowed(RequestError):
    """The path exists, the method does not."""

    status = 405
    title = "Method not allowed"
    slug = "method-not-allowed"
    tells = MappingProxyType({"Allow": "The methods of the path."})


class NotAcceptable(RequestError):
    """No available media type matches the Accept header."""

    status = 406
    title = "Not acceptable"
    slug = "not-acceptable"


class TooSlow(RequestError):
    """The body did not arrive in time."""

    status = 408
    title = "Too slow"
    slug = "too-slow"


class Conflict(RequestError):
    """The state of the resource forbids the request."""

    status = 409
    title = "Conflict"
    slug = "conflict"


class JobInactive(Conflict):
    """The job has ended and cannot be changed."""

    title = "Job inactive"
    slug = "job-inactive"


class InstanceEnded(Conflict):
    """The job of the instance has ended; its rows can be read, and nothing can be changed."""

    title = "Instance ended"
    slug = "instance-ended"


class OutputUnreadable(Conflict):
    """The output of the job goes to a file that the service does not read."""

    title = "Output file not readable"
    slug = "output-unreadable"


class OutputChanged(Conflict):
    """An output file was replaced or has become shorter while it was read."""

    title = "Output file changed"
    slug = "output-changed"


class BodyTooLarge(RequestError):
    """The body exceeds the limit."""

    status = 413
    title = "Body too large"
    slug = "body-too-large"


class UnsupportedMediaType(RequestError):
    """The route does not accept the media type of the body."""

    status = 415
    title = "Unsupported media type"
    slug = "unsupported-media-type"


class RangeNotSatisfiable(RequestError):
    """The Range header asks for bytes that the file does not have."""

    status = 416
    title = "Range not satisfiable"
    slug = "range-not-satisfiable"
    tells = MappingProxyType({"Content-Range": "The size of the file."})


class ExpectationFailed(RequestError):
    """The Expect header asks for more than 100-continue."""

    status = 417
    title = "Expectation failed"
    slug = "expectation-failed"


class ValidationFailed(RequestError):
    """The body or query violates its schema; ``errors`` lists every invalid field."""

    status = 422
    title = "Validation failed"
    slug = "validation-failed"

    def __init__(self, errors: list[dict[str, str]], detail: str | None = None) -> None:
        count = len(errors)
        text = detail or f"{count} {'field is' if count == 1 else 'fields are'} not valid."
        super().__init__(text, errors=errors)


class IdempotencyMismatch(RequestError):
    """The Idempotency-Key was used before with another body."""

    status = 422
    title = "Idempotency key reused"
    slug = "idempotency-key-reused"


class FluxRefused(RequestError):
    """Flux refused the request.

    ``words`` is Flux's message without a full stop; ``errno`` is the error number from Flux.
    """

    status = 422
    title = "Flux refused the request"
    slug = "flux-refused"

    def __init__(self, words: str, *, errno: int = EINVAL) -> None:
        super().__init__(f"Flux refused: {words}.", flux=words, errno=errno)


class TooManyRequests(RequestError):
    """The client sends more than its limit; ``retry_after`` is the number of seconds to wait."""

    status = 429
    title = "Too many requests"
    slug = "too-many-requests"
    tells = MappingProxyType({"Retry-After": "Seconds to wait before the next attempt."})

    def __init__(self, detail: str, *, retry_after: float) -> None:
        super().__init__(detail, headers={"Retry-After": str(max(ceil(retry_after), 1))})


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

    def __init__(self, detail: str, *, retry_after: int = 2, **members: Any) -> None:
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

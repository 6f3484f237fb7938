"""The errors of a request: whoever sent it has to change something."""

from __future__ import annotations

from errno import EINVAL
from math import ceil
from types import MappingProxyType
from typing import Any

from .base import Coded, FluxapiError

__all__ = [
    "BodyTooLarge",
    "Conflict",
    "ExpectationFailed",
    "FluxRefused",
    "Forbidden",
    "ForeignOrigin",
    "GroupNotFound",
    "IdempotencyMismatch",
    "InstanceEnded",
    "InstanceNotFound",
    "JobInactive",
    "JobNotFound",
    "MalformedJSON",
    "MethodNotAllowed",
    "NotAcceptable",
    "NotFound",
    "OutputChanged",
    "OutputUnreadable",
    "RangeNotSatisfiable",
    "RequestError",
    "TooManyRequests",
    "TooSlow",
    "Unauthorized",
    "UnknownHost",
    "UnsupportedMediaType",
    "ValidationFailed",
]


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

    def __init__(self, errors: list[dict[str, Any]], detail: str | None = None) -> None:
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


class JobUnsuitable(RequestError):
    """Flux would answer nobody for seconds with the job, also if it is submitted later."""

    status = 422
    title = "Job unsuitable"
    slug = "job-unsuitable"


class TooManyRequests(RequestError):
    """The client sends more than its limit; ``retry_after`` is the number of seconds to wait."""

    status = 429
    title = "Too many requests"
    slug = "too-many-requests"
    tells = MappingProxyType({"Retry-After": "Seconds to wait before the next attempt."})

    def __init__(self, detail: str | Coded, *, retry_after: float) -> None:
        super().__init__(detail, headers={"Retry-After": str(max(ceil(retry_after), 1))})

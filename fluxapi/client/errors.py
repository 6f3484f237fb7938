"""Errors raised by the client.

::

    ClientError
    ├── ConfigError                the address or the credentials are not usable
    ├── ConnectionFailed           no response, or an interrupted one
    ├── BadAnswer                  the response is not that of a fluxapi service
    ├── EventsLost                 a stream cannot resume from its cursor: there may be a gap
    └── ProblemError               the service reports an error (RFC 9457)
        ├── Invalid                400, 422: the request is invalid; names each invalid field
        ├── Unauthorized           401, 403: the credentials are missing or wrong
        ├── NotFound               404: no such job
        ├── Conflict               409: the job has ended
        ├── TooLarge               413: the body is too large
        ├── TooManyRequests        429: too many requests
        └── Unavailable            503: the service or its Flux instance is unavailable

All errors can be pickled. None contains the request, so none contains a token.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from fluxapi.process.text import safe

__all__ = [
    "BadAnswer",
    "BulkItem",
    "ClientError",
    "ConfigError",
    "Conflict",
    "ConnectionFailed",
    "EventsLost",
    "Invalid",
    "NotFound",
    "ProblemError",
    "TooLarge",
    "TooManyRequests",
    "Unauthorized",
    "Unavailable",
    "problem_of",
]

_TYPES = "/docs/errors#"
"""The path in the types of errors that a service reports; a prefix may come before it."""


class ClientError(Exception):
    """The base class of all errors. ``str()`` is a sentence for the user.

    ``idempotency_key`` is the key of the failed submission: repeat it with this key to submit
    nothing twice. ``submitted`` holds the jobs that are known to have been submitted.
    """

    idempotency_key: str | None = None
    submitted: Sequence[BulkItem] = ()


class ConfigError(ClientError):
    """An argument, an environment variable or the config file is invalid."""


class ConnectionFailed(ClientError):
    """The service did not answer, or the response was interrupted."""


class BadAnswer(ClientError):
    """The response is not that of a fluxapi service, or of one that this client does not know."""


class EventsLost(ClientError):
    """A stream cannot resume from its cursor: events may be missing.

    ``reason`` is one of the reset reasons in docs/events.md; ``cursor`` is where the stream
    continues.
    """

    def __init__(self, detail: str, reason: str, cursor: str | None = None) -> None:
        super().__init__(detail, reason, cursor)
        self.detail = detail
        self.reason = reason
        self.cursor = cursor

    def __str__(self) -> str:
        return safe(f"{self.detail} Events may be missing (reset: {self.reason}).")


class ProblemError(ClientError):
    """An error that the service reported.

    ``status`` is the HTTP status, ``type`` a reference into ``/docs/errors``, ``errors`` the
    invalid fields with ``pointer`` (RFC 6901) and ``detail`` each, and ``code`` and ``params`` as
    below, ``request_id`` the ID of the request in the log of the service, ``retry_after`` the
    seconds after which the service asks to try again (``None``: it does not say). ``code`` is the
    stable kind of the detail, empty if it has none, and ``params`` the values in it;
    ``/docs/errors`` lists the codes.
    """

    retry_after: float | None = None
    code: str = ""
    params: Mapping[str, Any] = MappingProxyType({})

    def __init__(  # noqa: PLR0917 - all positional, so that it can be pickled
        self,
        status: int,
        type: str = "about:blank",
        title: str = "",
        detail: str = "",
        errors: Sequence[Mapping[str, Any]] = (),
        request_id: str | None = None,
    ) -> None:
        super().__init__(status, type, title, detail, errors, request_id)
        self.status = status
        self.type = type
        self.title = title
        self.detail = detail
        self.errors = tuple(errors)
        self.request_id = request_id

    @property
    def is_of_proxy(self) -> bool:
        """True if the answer is not one of the service, but of something in front of it."""
        return _TYPES not in self.type

    def __str__(self) -> str:
        text = self.detail or self.title or f"The service answered with status {self.status}."
        # Escape control characters, since a terminal may show this in a traceback.
        sentences = " ".join([text, *map(_sentence, self.errors)])
        return safe(" ".join(line.strip() for line in sentences.splitlines()))


class Invalid(ProblemError):
    """The request is invalid; ``str()`` names each invalid field."""


class Unauthorized(ProblemError):
    """The credentials are missing, wrong or not sufficient."""


class NotFound(ProblemError):
    """The job or the route does not exist."""


class Conflict(ProblemError):
    """The state of the job does not allow the request."""


class TooLarge(ProblemError):
    """The body is larger than the service accepts."""


class TooManyRequests(ProblemError):
    """The service or a proxy asks the client to slow down."""


class Unavailable(ProblemError):
    """The service is unavailable, after all retries."""


_CLASSES: dict[int, type[ProblemError]] = {
    400: Invalid,
    401: Unauthorized,
    403: Unauthorized,
    404: NotFound,
    409: Conflict,
    413: TooLarge,
    422: Invalid,
    429: TooManyRequests,
    503: Unavailable,
}


def problem_of(status: int, document: object, request_id: str | None = None) -> ProblemError:
    """Return the error for an RFC 9457 document, or for any other error body."""
    fields = document if isinstance(document, Mapping) else {}
    error = _CLASSES.get(status, ProblemError)(
        status,
        _text(fields.get("type"), "about:blank"),
        _text(fields.get("title"), _phrase(status)),
        _text(fields.get("detail") or fields.get("Message"), ""),
        _bad_fields(fields.get("errors")),
        _text(fields.get("request_id"), "") or request_id,
    )
    if code := _code(fields):
        error.code, error.params = code["code"], code["params"]
    return error


def _bad_fields(value: Any) -> list[dict[str, Any]]:
    """Return the well-formed entries of a list of invalid fields."""
    return [
        {
            "pointer": _text(field.get("pointer"), ""),
            "detail": _text(field.get("detail"), ""),
            **_code(field),
        }
        for field in (value if isinstance(value, list) else [])
        if isinstance(field, Mapping)
    ]


def _code(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return the code of a sentence and the values in it, if they are well-formed."""
    code, params = told.get("code"), told.get("params")
    if not isinstance(code, str) or not isinstance(params, Mapping):
        return {}
    return {"code": code, "params": dict(params)}


def _sentence(field: Mapping[str, Any]) -> str:
    pointer, detail = field["pointer"].lstrip("/"), field["detail"]
    return f"{pointer}: {detail}" if pointer else detail


def _text(value: object, default: str) -> str:
    return value if isinstance(value, str) else default


def _phrase(status: int) -> str:
    from http import HTTPStatus  # noqa: PLC0415 - few programs need it

    try:
        return f"The service answered {status} {HTTPStatus(status).phrase}."
    except ValueError:
        return f"The service answered with status {status}."


@dataclass(frozen=True)
class BulkItem:
    """The result of one of many jobs: its position, and its ID or its error."""

    index: int
    id: str | None
    error: ProblemError | None = None
    group: str | None = None
    """The ID of the group that the jobs of the request are in, if they name none themselves."""
    warnings: tuple[str, ...] = ()
    """Sentences about its batch script, unless they are those of the job before."""

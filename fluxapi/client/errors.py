"""Every error that the client raises on purpose.

::

    ClientError
    ├── ConfigError                what says where the service is, or who asks, cannot be used
    ├── ConnectionFailed           no answer, or one that breaks off
    ├── BadAnswer                  an answer that is not one of a fluxapi service
    ├── EventsLost                 a stream cannot go on from its cursor: there may be a gap
    └── ProblemError               the service says what is wrong (RFC 9457)
        ├── Invalid                400, 422: the request; names each bad field
        ├── Unauthorized           401, 403: who asks
        ├── NotFound               404: no such job
        ├── Conflict               409: the job has ended
        ├── TooLarge               413: the body
        ├── TooManyRequests        429
        └── Unavailable            503: the service, or the Flux instance behind it

All of them can be pickled, and none holds what was sent: no token is ever in one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
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


class ClientError(Exception):
    """The root. ``str()`` is a sentence for the user.

    ``idempotency_key`` is that of the submission that failed: the same again with this key submits
    nothing twice. ``submitted`` are the jobs of it that are known to be in Flux.
    """

    idempotency_key: str | None = None
    submitted: Sequence[BulkItem] = ()


class ConfigError(ClientError):
    """An argument, the environment or the config file cannot be used."""


class ConnectionFailed(ClientError):
    """The service did not answer, or its answer broke off."""


class BadAnswer(ClientError):
    """What answered is no fluxapi service, or one that this client does not understand."""


class EventsLost(ClientError):
    """A stream cannot go on from where it was: events may be missing.

    ``reason`` is a word of the table of resets (docs/events.md); ``cursor`` is where the stream
    goes on from, when it does.
    """

    def __init__(self, detail: str, reason: str, cursor: str | None = None) -> None:
        super().__init__(detail, reason, cursor)
        self.detail = detail
        self.reason = reason
        self.cursor = cursor

    def __str__(self) -> str:
        return safe(f"{self.detail} Events may be missing (reset: {self.reason}).")


class ProblemError(ClientError):
    """The service refused, and says why.

    ``status`` is that of HTTP, ``type`` a reference into ``/docs/errors``, ``errors`` the bad
    fields with ``pointer`` (RFC 6901) and ``detail`` each, ``request_id`` what the service's log
    knows it by.
    """

    def __init__(  # noqa: PLR0917 - all positional, so that it can be pickled
        self,
        status: int,
        type: str = "about:blank",
        title: str = "",
        detail: str = "",
        errors: Sequence[Mapping[str, str]] = (),
        request_id: str | None = None,
    ) -> None:
        super().__init__(status, type, title, detail, errors, request_id)
        self.status = status
        self.type = type
        self.title = title
        self.detail = detail
        self.errors = tuple(errors)
        self.request_id = request_id

    def __str__(self) -> str:
        text = self.detail or self.title or f"The service answered with status {self.status}."
        # Shown by whatever shows errors, a traceback too: no terminal is to obey it.
        sentences = " ".join([text, *map(_sentence, self.errors)])
        return safe(" ".join(line.strip() for line in sentences.splitlines()))


class Invalid(ProblemError):
    """The request is at fault; ``str()`` names each bad field."""


class Unauthorized(ProblemError):
    """No credentials, wrong ones, or none that allow this."""


class NotFound(ProblemError):
    """No such job, or nothing at this address."""


class Conflict(ProblemError):
    """The state of the job forbids it."""


class TooLarge(ProblemError):
    """The body is larger than the service takes."""


class TooManyRequests(ProblemError):
    """Something in front of the service asks to slow down."""


class Unavailable(ProblemError):
    """The service cannot do it now; what could be tried again has been."""


_CLASSES: dict[int, type[ProblemError]] = {
    HTTPStatus.BAD_REQUEST: Invalid,
    HTTPStatus.UNAUTHORIZED: Unauthorized,
    HTTPStatus.FORBIDDEN: Unauthorized,
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.CONFLICT: Conflict,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: TooLarge,
    HTTPStatus.UNPROCESSABLE_ENTITY: Invalid,
    HTTPStatus.TOO_MANY_REQUESTS: TooManyRequests,
    HTTPStatus.SERVICE_UNAVAILABLE: Unavailable,
}


def problem_of(status: int, document: object, request_id: str | None = None) -> ProblemError:
    """The error that an RFC 9457 document, or whatever came in its place, stands for."""
    fields = document if isinstance(document, Mapping) else {}
    return _CLASSES.get(status, ProblemError)(
        status,
        _text(fields.get("type"), "about:blank"),
        _text(fields.get("title"), _phrase(status)),
        _text(fields.get("detail") or fields.get("Message"), ""),
        _bad_fields(fields.get("errors")),
        _text(fields.get("request_id"), "") or request_id,
    )


def _bad_fields(value: Any) -> list[dict[str, str]]:
    """The bad fields, for as much of them as is one."""
    return [
        {"pointer": _text(field.get("pointer"), ""), "detail": _text(field.get("detail"), "")}
        for field in (value if isinstance(value, list) else [])
        if isinstance(field, Mapping)
    ]


def _sentence(field: Mapping[str, str]) -> str:
    pointer, detail = field["pointer"].lstrip("/"), field["detail"]
    return f"{pointer}: {detail}" if pointer else detail


def _text(value: object, default: str) -> str:
    return value if isinstance(value, str) else default


def _phrase(status: int) -> str:
    try:
        return f"The service answered {status} {HTTPStatus(status).phrase}."
    except ValueError:
        return f"The service answered with status {status}."


@dataclass(frozen=True)
class BulkItem:
    """One of many jobs: its place in the order given, and its id or what went wrong."""

    index: int
    id: str | None
    error: ProblemError | None = None

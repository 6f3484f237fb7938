"""A request to the service, and its address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from fluxapi.model.jobid import encode_f58, parse

from .errors import ConfigError

__all__ = [
    "MAX_TEXT_BYTES",
    "Query",
    "Request",
    "Response",
    "encoded_query",
    "encoded_url",
    "instance_place",
    "is_of_service",
]

_SERVICE_PLACES = (
    *("health", "instances", "ready", "service", "templates", "token", "tokens", "webhooks"),
)
"""The first parts of the paths that exist once per service, not once per instance."""

_SERVICE_PATHS = ("/history/instances",)
"""Such paths below a part that exists once per instance."""

MAX_TEXT_BYTES = 1 << 30
"""Bytes of the largest output or record of a job that is read whole, decompressed."""

Query = Mapping[str, object]
"""Parameters by name; a list repeats the parameter, ``None`` omits it."""


@dataclass(frozen=True)
class Request:
    """One request. A ``repeatable`` request may be sent twice without harm."""

    method: str
    path: str
    query: Query = field(default_factory=dict)
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = False
    read_timeout: float | None = None
    """Seconds that the service may be silent; ``None`` is the default of the client."""
    waits: bool = False
    """The response may come late, so it has a connection of its own."""
    stream: bool = False
    """The response may have no end, so it has a connection of its own."""
    timeout: float | None = None
    """Seconds for which the request is retried; ``None`` is the default of the client."""
    max_bytes: int = 64 << 20
    """Bytes of the largest response that is read whole, decompressed."""


@dataclass(frozen=True)
class Response:
    """A complete response with a status below 400."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def is_of_service(path: str) -> bool:
    """Return whether a path is one of the service, whatever the instance of the client."""
    return path[1:].partition("/")[0] in _SERVICE_PLACES or path in _SERVICE_PATHS


def instance_place(path: str) -> str:
    """Return the path of an instance in the tree; raise ``ConfigError`` if it is none."""
    try:
        ids = [encode_f58(parse(part)) for part in path.strip("/").split("/")]
    except ValueError:
        raise ConfigError(
            f"{path[:64]!r} is not the path of an instance: give the IDs of the jobs that lead to "
            "it, such as f2QK3Zz/fA1b."
        ) from None
    return f"/instances/{'/'.join(ids)}"


def encoded_query(query: Query) -> str:
    """Return the query string of a request, with its question mark."""
    pairs: list[tuple[str, str]] = []
    for name, value in query.items():
        if value is None:
            continue
        values = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
        pairs.extend((name, _parameter(one)) for one in values)
    return f"?{urlencode(pairs)}" if pairs else ""


def _parameter(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def encoded_url(url: str) -> Any:
    """Return an address as a ``yarl.URL``, without encoding it again."""
    from yarl import URL  # noqa: PLC0415 - comes with aiohttp

    return URL(url, encoded=True)

"""The declaration of one route: what it takes, what it answers, who may ask, for what."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from aiohttp import web

from fluxapi.errors import FluxapiError

__all__ = ["MAX_FIELDS_BYTES", "MAX_LISTS_BYTES", "BodyUse", "Handler", "Need", "Route", "Scope"]

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

BodyUse = Literal["none", "optional", "required", "raw"]
"""``raw``: required, and decoded and validated by the handler, piece by piece."""

Scope = Literal["service", "instance"]
"""What a route is about; one of an instance answers once for each instance."""

Need = Literal["submit", "cancel", "signal", "urgency"]

MAX_FIELDS_BYTES = 64 << 10
"""Body of a route that takes a few fields; that of anybody without credentials is no larger."""

MAX_LISTS_BYTES = 1 << 20
"""Body of a route that takes lists: 10,000 job IDs in their longest form, 128 subscriptions."""


@dataclass(frozen=True)
class Route:
    """One operation.

    Attributes:
        name: The operation ID in OpenAPI.
        scope: A handler of scope ``instance`` gets ``request[SESSION]``.
        needs: What the instance must be able to do: the name of one of its capabilities.
        answers: The schema of the JSON of each status.
        body: The schema of the body.
        query: The schema of the query.
        max_body: Bytes of the largest body; ``None`` is ``--max-body``.
        fails: The errors that it raises besides those that every route may raise.
        other: Further media types of a 200.
        public: No credentials are needed.
        stream: The answer goes on until one side ends it, and a ticket opens it.
        fields_in_query: Without a body, the query parameters are its fields.
        page: Answers in place of the handler where a browser asks for a page.
        headers: Request headers that it reads, with their descriptions.
        tells: Headers that an answer may have besides what every answer has.
    """

    method: str
    path: str
    handler: Handler
    name: str
    tag: str
    summary: str
    answers: Mapping[int, str]
    scope: Scope = "instance"
    needs: Need | None = None
    body: str = "no-body"
    body_use: BodyUse = "none"
    max_body: int | None = MAX_FIELDS_BYTES
    query: str = "no-query"
    fails: tuple[type[FluxapiError], ...] = ()
    other: tuple[str, ...] = ()
    public: bool = False
    stream: bool = False
    fields_in_query: bool = False
    page: Handler | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    tells: Mapping[str, str] = field(default_factory=dict)

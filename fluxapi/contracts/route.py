"""The declaration of one route: its request, responses, access and scope."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from aiohttp import web

from fluxapi.errors import FluxapiError

from .rights import Right

__all__ = ["MAX_FIELDS_BYTES", "MAX_LISTS_BYTES", "BodyUse", "Handler", "Need", "Route", "Scope"]

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

BodyUse = Literal["none", "optional", "required", "raw"]
"""``raw``: required; the handler decodes and validates it piece by piece."""

Scope = Literal["service", "instance"]
"""The subject of a route; a route of scope ``instance`` exists once per instance."""

Need = Literal["submit", "cancel", "signal", "urgency"]

MAX_FIELDS_BYTES = 64 << 10
"""Limit of the body of a route that takes a few fields, and of any body without credentials."""

MAX_LISTS_BYTES = 1 << 20
"""Limit of the body of a route that takes lists: 10,000 job IDs in their longest form."""


@dataclass(frozen=True)
class Route:
    """One operation of the API.

    Attributes:
        name: The operation ID in OpenAPI.
        right: The right that the sender must have; ``None``: no credentials are needed.
        scope: A handler of scope ``instance`` gets ``request[SESSION]``.
        needs: The capability that the instance must have.
        answers: The schema of the JSON by status; ``no-body`` if the response has none.
        body: The schema of the body.
        query: The schema of the query.
        max_body: Limit of the body in bytes; ``None`` is ``--max-body``.
        fails: The errors that it raises besides those that every route may raise.
        parameters: The parameters of the path that no route before it has: their descriptions,
            with an example of each.
        other: Other media types of a 200.
        items: The schema of each line of an NDJSON response.
        stream: The response lasts until one side ends it, and a ticket opens it.
        fields_in_query: Without a body, the query parameters are its fields.
        form: The body may be that of an HTML form, too.
        script: The body may be a batch script, too; then the query parameters are its fields.
        page: Replaces the handler if a browser requests a page.
        in_turn: It takes milliseconds, so of all such requests that have arrived, one begins in
            each pass of the event loop. Pages always are so.
        at_once: It takes no time and tells how the service is, so it waits for no other request.
        reads_only: It has a body, but changes nothing, so its work ends when its client leaves.
        headers: Request headers that it reads, with their descriptions.
        tells: Response headers besides those of every response.
    """

    method: str
    path: str
    handler: Handler
    name: str
    tag: str
    summary: str
    answers: Mapping[int, str]
    right: Right | None = field(kw_only=True)
    scope: Scope = "instance"
    needs: Need | None = None
    body: str = "no-body"
    body_use: BodyUse = "none"
    max_body: int | None = MAX_FIELDS_BYTES
    query: str = "no-query"
    fails: tuple[type[FluxapiError], ...] = ()
    parameters: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    other: tuple[str, ...] = ()
    items: str = ""
    stream: bool = False
    fields_in_query: bool = False
    form: bool = False
    script: bool = False
    page: Handler | None = None
    in_turn: bool = False
    at_once: bool = False
    reads_only: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    tells: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_public(self) -> bool:
        """Return whether the route answers without credentials."""
        return self.right is None

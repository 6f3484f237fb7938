"""The typed keys under which the application and its requests keep their state."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from .auth import Credentials
from .errors import FluxapiError
from .events.connections import Connections
from .events.hub import Hub
from .events.idempotency import Idempotency
from .events.journal import Journal
from .events.output import Outputs
from .events.pages import Pages
from .events.situation import Observer
from .events.table import Table
from .instance.protocol import Instance, InstanceInfo
from .metrics import Metrics
from .model.jobspec import Defaults
from .settings import Settings
from .shutdown import Shutdown
from .tickets import Tickets

__all__ = [
    "ASSETS",
    "ASYNCAPI",
    "BODY",
    "CONNECTIONS",
    "CREDENTIALS",
    "DEFAULTS",
    "ERROR_PAGE",
    "EXPIRES",
    "HUB",
    "IDEMPOTENCY",
    "INFO",
    "INSTANCE",
    "JOURNAL",
    "METRICS",
    "OBSERVER",
    "OPENAPI",
    "OUTPUTS",
    "PAGES",
    "QUERY",
    "REQUEST_ID",
    "SETTINGS",
    "SHUTDOWN",
    "STOP",
    "TABLE",
    "TICKETS",
]

ErrorPage = Callable[[web.Request, FluxapiError], Awaitable[web.Response]]

SETTINGS: web.AppKey[Settings] = web.AppKey("settings", Settings)
INSTANCE: web.AppKey[Instance] = web.AppKey("instance")
INFO: web.AppKey[InstanceInfo] = web.AppKey("info", InstanceInfo)
TABLE: web.AppKey[Table] = web.AppKey("table", Table)
JOURNAL: web.AppKey[Journal] = web.AppKey("journal", Journal)
HUB: web.AppKey[Hub] = web.AppKey("hub", Hub)
CONNECTIONS: web.AppKey[Connections] = web.AppKey("connections", Connections)
OBSERVER: web.AppKey[Observer] = web.AppKey("observer", Observer)
OUTPUTS: web.AppKey[Outputs] = web.AppKey("outputs", Outputs)
TICKETS: web.AppKey[Tickets] = web.AppKey("tickets", Tickets)
SHUTDOWN: web.AppKey[Shutdown] = web.AppKey("shutdown", Shutdown)
STOP: web.AppKey[Callable[[], None]] = web.AppKey("stop")
CREDENTIALS: web.AppKey[Credentials] = web.AppKey("credentials", Credentials)
DEFAULTS: web.AppKey[Defaults] = web.AppKey("defaults", Defaults)
IDEMPOTENCY: web.AppKey[Idempotency] = web.AppKey("idempotency", Idempotency)
METRICS: web.AppKey[Metrics] = web.AppKey("metrics", Metrics)
PAGES: web.AppKey[Pages] = web.AppKey("pages", Pages)
OPENAPI: web.AppKey[Mapping[str, Any]] = web.AppKey("openapi")
ASSETS: web.AppKey[Mapping[str, Any]] = web.AppKey("assets")
ERROR_PAGE: web.AppKey[ErrorPage] = web.AppKey("error_page")
"""Makes the page that tells a browser of an error."""
ASYNCAPI: web.AppKey[Mapping[str, Any]] = web.AppKey("asyncapi")

REQUEST_ID: web.RequestKey[str] = web.RequestKey("request_id", str)
EXPIRES: web.RequestKey[float | None] = web.RequestKey("expires")
"""When the credentials of the request end, seconds since the epoch; ``None``: never."""
QUERY: web.RequestKey[Mapping[str, Any]] = web.RequestKey("query")
"""The query, coerced and valid by the route's query schema."""
BODY: web.RequestKey[Any] = web.RequestKey("body")
"""The body, valid by the route's body schema; an empty object where it was left out."""

"""The typed keys under which the application and its requests keep their state."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from fluxapi.contracts.route import Handler, Route
from fluxapi.errors import FluxapiError
from fluxapi.events.transport.connections import Connections
from fluxapi.observability.metrics import Metrics
from fluxapi.security.credentials import Credentials
from fluxapi.sessions.registry import SessionRegistry
from fluxapi.sessions.session import InstanceSession
from fluxapi.settings import Settings

from .shutdown import Shutdown

__all__ = [
    "ASSETS",
    "ASYNCAPI",
    "BODY",
    "CONNECTIONS",
    "CREDENTIALS",
    "ERROR_PAGE",
    "EXPIRES",
    "METRICS",
    "OPENAPI",
    "QUERY",
    "REQUEST_ID",
    "ROUTES",
    "SESSION",
    "SESSIONS",
    "SETTINGS",
    "SHUTDOWN",
    "STOP",
]

ErrorPage = Callable[[web.Request, FluxapiError], Awaitable[web.Response]]

SETTINGS: web.AppKey[Settings] = web.AppKey("settings", Settings)
CONNECTIONS: web.AppKey[Connections] = web.AppKey("connections", Connections)
SESSIONS: web.AppKey[SessionRegistry] = web.AppKey("sessions", SessionRegistry)
SHUTDOWN: web.AppKey[Shutdown] = web.AppKey("shutdown", Shutdown)
STOP: web.AppKey[Callable[[], None]] = web.AppKey("stop")
CREDENTIALS: web.AppKey[Credentials] = web.AppKey("credentials", Credentials)
METRICS: web.AppKey[Metrics] = web.AppKey("metrics", Metrics)
OPENAPI: web.AppKey[Mapping[str, Any]] = web.AppKey("openapi")
ASSETS: web.AppKey[Mapping[str, Any]] = web.AppKey("assets")
ERROR_PAGE: web.AppKey[ErrorPage] = web.AppKey("error_page")
"""Makes the page that tells a browser of an error."""
ASYNCAPI: web.AppKey[Mapping[str, Any]] = web.AppKey("asyncapi")

ROUTES: web.AppKey[Mapping[Handler, Route]] = web.AppKey("routes")
"""The route that each registered handler serves."""

SESSION: web.RequestKey[InstanceSession] = web.RequestKey("session", InstanceSession)
"""The session that the path of the request names, on routes of an instance."""
REQUEST_ID: web.RequestKey[str] = web.RequestKey("request_id", str)
EXPIRES: web.RequestKey[float | None] = web.RequestKey("expires")
"""When the credentials of the request end, seconds since the epoch; ``None``: never."""
QUERY: web.RequestKey[Mapping[str, Any]] = web.RequestKey("query")
"""The query, coerced and valid by the route's query schema."""
BODY: web.RequestKey[Any] = web.RequestKey("body")
"""The body, valid by the route's body schema; an empty object where it was left out."""

"""The typed keys under which the application and its requests keep their state."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from .auth import Credentials
from .errors import FluxapiError
from .events.connections import Connections
from .metrics import Metrics
from .route import Handler, Route
from .sessions.registry import SessionRegistry
from .sessions.session import InstanceSession
from .settings import Settings
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

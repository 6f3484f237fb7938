"""The typed keys of the state of the application and of its requests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from fluxapi.archive.archive import Archive
from fluxapi.contracts.route import Handler, Route
from fluxapi.errors import FluxapiError
from fluxapi.events.transport.connections import Connections
from fluxapi.job_templates.store import TemplateStore
from fluxapi.observability.metrics import Metrics
from fluxapi.process.admission import AdmissionLimiter
from fluxapi.process.client_turns import ClientTurns
from fluxapi.process.memory import HeapTrimmer
from fluxapi.security.credentials import Credentials
from fluxapi.security.principal import Principal
from fluxapi.security.tokens import TokenStore
from fluxapi.sessions.children import Children
from fluxapi.sessions.counters import ChildCounters
from fluxapi.sessions.follower import ChildFollower
from fluxapi.sessions.inside import JobsInside
from fluxapi.sessions.registry import SessionRegistry
from fluxapi.sessions.session import InstanceSession
from fluxapi.sessions.tree import InstanceTree
from fluxapi.sessions.tree_observer import TreeObserver
from fluxapi.settings import Settings
from fluxapi.webhooks.webhooks import Webhooks

from .body_budget import BodyBudget
from .rate_limits import RateLimits
from .requests_under_way import RequestsUnderWay
from .shutdown import Shutdown
from .work_turns import WorkTurns

__all__ = [
    "ADMISSION",
    "ARCHIVE",
    "ASSETS",
    "ASYNCAPI",
    "BASE",
    "BODIES",
    "BODY",
    "BULK_JOBS",
    "BULK_SUBMISSIONS",
    "CHECKS",
    "CHILDREN",
    "CONNECTIONS",
    "COUNTERS",
    "CREDENTIALS",
    "DECODING",
    "ERROR_PAGE",
    "HEAP",
    "INSIDE",
    "JOB_PAGES",
    "LIST_PAGES",
    "LOOKUPS",
    "METRICS",
    "OPENAPI",
    "PAST_PAGES",
    "PRINCIPAL",
    "QUERY",
    "RATE_LIMITS",
    "REQUEST_ID",
    "ROUTES",
    "SESSION",
    "SESSIONS",
    "SETTINGS",
    "SHUTDOWN",
    "STOP",
    "SUBMISSIONS",
    "TEMPLATES",
    "TOKENS",
    "TOOL_OUTPUTS",
    "TREE",
    "TREE_OBSERVER",
    "UNDER_WAY",
    "WEBHOOKS",
    "WORDS",
]

ErrorPage = Callable[[web.Request, FluxapiError], Awaitable[web.Response]]

ADMISSION: web.AppKey[AdmissionLimiter] = web.AppKey("admission", AdmissionLimiter)
"""Limits the requests of all clients that begin, or go on with a body, in one pass."""

ARCHIVE: web.AppKey[Archive | None] = web.AppKey("archive")
"""The history of past jobs, or ``None`` if none is kept."""

SETTINGS: web.AppKey[Settings] = web.AppKey("settings", Settings)
CONNECTIONS: web.AppKey[Connections] = web.AppKey("connections", Connections)
SESSIONS: web.AppKey[SessionRegistry] = web.AppKey("sessions", SessionRegistry)
CHILDREN: web.AppKey[Children] = web.AppKey("children", Children)
COUNTERS: web.AppKey[ChildCounters] = web.AppKey("counters", ChildCounters)
CHILD_FOLLOWER: web.AppKey[ChildFollower] = web.AppKey("child_follower", ChildFollower)
INSIDE: web.AppKey[JobsInside] = web.AppKey("inside", JobsInside)
TREE: web.AppKey[InstanceTree] = web.AppKey("tree", InstanceTree)
TREE_OBSERVER: web.AppKey[TreeObserver] = web.AppKey("tree_observer", TreeObserver)
SHUTDOWN: web.AppKey[Shutdown] = web.AppKey("shutdown", Shutdown)
STOP: web.AppKey[Callable[[], None]] = web.AppKey("stop")
CREDENTIALS: web.AppKey[Credentials] = web.AppKey("credentials", Credentials)
TOKENS: web.AppKey[TokenStore] = web.AppKey("tokens", TokenStore)
TEMPLATES: web.AppKey[TemplateStore] = web.AppKey("templates", TemplateStore)
WEBHOOKS: web.AppKey[Webhooks] = web.AppKey("webhooks", Webhooks)
UNDER_WAY: web.AppKey[RequestsUnderWay] = web.AppKey("under_way", RequestsUnderWay)
"""The limit of requests under way, by client."""
RATE_LIMITS: web.AppKey[RateLimits] = web.AppKey("rate_limits", RateLimits)
BODIES: web.AppKey[BodyBudget] = web.AppKey("bodies", BodyBudget)
DECODING: web.AppKey[ClientTurns] = web.AppKey("decoding", ClientTurns)
"""The limit of long bodies that are decoded and not yet checked."""
CHECKS: web.AppKey[WorkTurns] = web.AppKey("checks", WorkTurns)
"""The limit of long bodies under way that change nothing."""
SUBMISSIONS: web.AppKey[WorkTurns] = web.AppKey("submissions", WorkTurns)
"""The limit of long bodies with one job that are under way."""
BULK_SUBMISSIONS: web.AppKey[WorkTurns] = web.AppKey("bulk_submissions", WorkTurns)
"""The limit of long bodies with many jobs that are under way."""
BULK_JOBS: web.AppKey[WorkTurns] = web.AppKey("bulk_jobs", WorkTurns)
"""The limit of the jobspecs that are made of bodies with many jobs."""
TOOL_OUTPUTS: web.AppKey[WorkTurns] = web.AppKey("tool_outputs", WorkTurns)
"""The limit of outputs that are read for tools of MCP at the same time."""
JOB_PAGES: web.AppKey[WorkTurns] = web.AppKey("job_pages", WorkTurns)
"""The limit of pages of jobs that are made at the same time."""
LIST_PAGES: web.AppKey[WorkTurns] = web.AppKey("list_pages", WorkTurns)
"""The limit of pages with long lists that are made at the same time."""
PAST_PAGES: web.AppKey[WorkTurns] = web.AppKey("past_pages", WorkTurns)
"""The same for pages that read the history, which may take seconds."""
LOOKUPS: web.AppKey[WorkTurns] = web.AppKey("lookups", WorkTurns)
"""The limit of eventlogs, jobspecs and resource sets that are read at the same time."""
METRICS: web.AppKey[Metrics] = web.AppKey("metrics", Metrics)
HEAP: web.AppKey[HeapTrimmer] = web.AppKey("heap", HeapTrimmer)
OPENAPI: web.AppKey[Mapping[str, Any]] = web.AppKey("openapi")
ASSETS: web.AppKey[Mapping[str, Any]] = web.AppKey("assets")
WORDS: web.AppKey[Mapping[str, Any]] = web.AppKey("words")
"""The texts of the pages by language."""
ERROR_PAGE: web.AppKey[ErrorPage] = web.AppKey("error_page")
"""Renders an error as a page for a browser."""
ASYNCAPI: web.AppKey[Mapping[str, Any]] = web.AppKey("asyncapi")

ROUTES: web.AppKey[Mapping[Handler, Route]] = web.AppKey("routes")
"""The route of each registered handler."""

BASE: web.RequestKey[str] = web.RequestKey("base", str)
"""The prefix below which the client sees the service, without a slash at its end; often empty."""
SESSION: web.RequestKey[InstanceSession] = web.RequestKey("session", InstanceSession)
"""The session that the path of the request names, on routes of scope ``instance``."""
REQUEST_ID: web.RequestKey[str] = web.RequestKey("request_id", str)
PRINCIPAL: web.RequestKey[Principal] = web.RequestKey("principal", Principal)
"""The sender of the request, with the right that the credentials give."""
QUERY: web.RequestKey[Mapping[str, Any]] = web.RequestKey("query")
"""The query, coerced and valid by the query schema of the route."""
BODY: web.RequestKey[Any] = web.RequestKey("body")
"""The body, valid by the body schema of the route; an empty object if there is none."""

"""The web application, made of the settings and an instance."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import math
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp_jinja2
from aiohttp import web

from fluxapi.archive.archive import Archive
from fluxapi.archive.limits import Limits
from fluxapi.errors import SettingsError, ValidationFailed
from fluxapi.events.filters import read_filter
from fluxapi.events.transport.connections import Connections
from fluxapi.exec_hook.command import Command, environment
from fluxapi.exec_hook.exec_hook import ExecHook
from fluxapi.handlers.bulk import MAX_BULK_BYTES
from fluxapi.handlers.jobs import MAX_LOOKUPS
from fluxapi.handlers.mcp import MAX_TOOL_OUTPUTS
from fluxapi.handlers.routes import ROUTES
from fluxapi.http import querystring
from fluxapi.http.body_budget import BodyBudget
from fluxapi.http.common_headers import COMMON_HEADERS, CommonHeaders
from fluxapi.http.decode_turn import MAX_DECODED
from fluxapi.http.endpoints import Endpoints, add_routes
from fluxapi.http.rate_limits import RateLimits
from fluxapi.http.requests_under_way import RequestsUnderWay
from fluxapi.http.shutdown import Shutdown
from fluxapi.http.work_turns import WorkTurns
from fluxapi.instance.protocol import CallWatch, Instance
from fluxapi.job_templates.store import TemplateStore
from fluxapi.observability.metrics import LoopLag, Metrics
from fluxapi.observability.telemetry import Tracing
from fluxapi.process.admission import AdmissionLimiter
from fluxapi.process.client_turns import ClientTurns
from fluxapi.process.memory import HeapTrimmer
from fluxapi.security.credentials import Credentials
from fluxapi.security.tokens import TokenStore
from fluxapi.sessions.children import ChildLimits, Children
from fluxapi.sessions.counters import ChildCounters
from fluxapi.sessions.follower import ChildFollower
from fluxapi.sessions.inside import JobsInside
from fluxapi.sessions.past_children import PastChildren
from fluxapi.sessions.registry import SessionRegistry
from fluxapi.sessions.session import ROOT, Bounds, InstanceSession, label
from fluxapi.sessions.tree import InstanceTree
from fluxapi.sessions.tree_observer import TreeObserver
from fluxapi.table.capacity import Capacity
from fluxapi.web.compiled import templates
from fluxapi.webhooks.targets import Targets
from fluxapi.webhooks.webhooks import Webhooks

from .contracts import openapi
from .events.channel import asyncapi
from .http import keys, middleware
from .settings import Settings
from .web import assets, docs, rendering, views, words

__all__ = ["create_app"]

_CATCH_UP_TIMEOUT_S = 60.0
"""Time that the start waits for the backlog; after that, ``/ready`` tells when it is complete."""

_MAX_CHILD_EVENTS = 8192
_MAX_CHILD_EVENT_BYTES = 8 << 20
"""Size of the event buffer of a child."""

_CHILD_JOB_BYTES = 2048
"""Memory for each job of a child, on average; an ordinary job takes about 850 bytes."""

_MAX_CHECKS_BYTES, _MAX_SUBMISSIONS_BYTES, _MAX_BULK_BYTES = 4 << 20, 4 << 20, 64 << 20
"""Bytes of long bodies under way: their values may take twenty times as much, but for bulk."""

_MAX_WAITING_BYTES = 128 << 20
"""Bytes of long bodies of each of these kinds that wait."""

_MAX_BODIES_BYTES, _LARGEST_BODIES = 256 << 20, 8
"""Bytes of all bodies that are under way; at least so many bodies of ``--max-body`` bytes."""

_MAX_LINE_BYTES = 65536
"""Size of the longest request line; a query may carry the command of a job."""


def create_app(
    settings: Settings,
    instance: Instance,
    *,
    stop: Callable[[], None],
    tracing: Tracing | None = None,
    history: Path | None = None,
) -> web.Application:
    """Return the application for *instance*; *stop* shuts the server down gracefully.

    Past jobs are kept in the folder *history*, unless the settings name one or say otherwise.
    """
    tokens = TokenStore(_below_statedir(settings, "tokens.json"))
    credentials = Credentials(settings, tokens)
    limits = RateLimits(settings)
    around = middleware.create(settings, credentials, limits)
    app = web.Application(
        middlewares=[around] if tracing is None else [tracing.request, around],
        # No route accepts a coded body; without this, aiohttp would inflate rejected ones.
        handler_args={"max_line_size": _MAX_LINE_BYTES, "auto_decompress": False},
    )
    shutdown, metrics = Shutdown(settings.shutdown_timeout), Metrics()

    archive = app[keys.ARCHIVE] = _archive_of(settings, history)
    hooked = _exec_hook(settings, metrics)

    webhooks = app[keys.WEBHOOKS] = _webhooks_of(settings)

    @contextlib.asynccontextmanager
    async def open_session(path: str, instance: Instance) -> AsyncIterator[InstanceSession]:
        async with (
            metrics.kept_for(label(path)),
            InstanceSession.open(
                path,
                instance,
                settings,
                watch=lambda label: _watch(metrics, tracing, label),
                close_timeout=lambda: shutdown.instance_timeout,
                bounds=None if path == ROOT else _child_bounds(settings),
                archive=archive,
                attach=webhooks.attached if path == ROOT else None,
            ) as session,
            hooked(session),
        ):
            session.journal.observers.append(app[keys.CHILD_FOLLOWER].observe)
            session.hub.stats.instances = partial(app[keys.INSIDE].records, path)
            yield session

    app[keys.SETTINGS] = settings
    sessions = app[keys.SESSIONS] = SessionRegistry(open_session)
    children = app[keys.CHILDREN] = Children(sessions, _child_limits(settings))
    children.past = PastChildren(archive, settings.max_child_jobs)
    tree = app[keys.TREE] = InstanceTree(sessions, children)
    inside = app[keys.INSIDE] = JobsInside(sessions, children)
    counters = app[keys.COUNTERS] = ChildCounters(sessions, tree, inside)
    app[keys.CHILD_FOLLOWER] = ChildFollower(
        tree, children, counters, inside, settings.follow_children
    )
    app[keys.TREE_OBSERVER] = TreeObserver(sessions, tree, counters)
    app[keys.STOP], app[keys.SHUTDOWN] = stop, shutdown
    app[keys.CREDENTIALS], app[keys.TOKENS] = credentials, tokens
    app[keys.TEMPLATES] = TemplateStore(_below_statedir(settings, "templates"))
    app[keys.RATE_LIMITS] = limits
    _add_limits(app, settings)
    app[keys.METRICS] = metrics
    app[keys.HEAP] = HeapTrimmer()
    app[keys.CONNECTIONS] = Connections(settings.max_streams, settings.max_client_streams)
    app[keys.CONNECTIONS].on_release = children.on_close = app[keys.HEAP].after_answer
    credentials.sign_ins.on_end = app[keys.CONNECTIONS].revoke

    def end_token(token_id: str) -> None:
        credentials.sign_ins.revoke(token_id)
        app[keys.CONNECTIONS].revoke(token_id)

    tokens.on_revoke = end_token
    app[keys.OPENAPI], app[keys.ASYNCAPI] = _contracts()
    _add_pages(app)
    metrics.watch(sessions, app[keys.CONNECTIONS], archive, webhooks)
    add_routes(app, _endpoints())
    _add_headers(app, settings)
    app.on_shutdown.append(_end_waits)
    if tracing is not None:
        app.on_cleanup.append(lambda _: tracing.close())
    sessions_of = partial(_sessions, instance=instance)
    app.cleanup_ctx.extend((_loop_lag, _tokens, _templates, _archive, _webhooks, sessions_of))
    return app


def _add_limits(app: web.Application, settings: Settings) -> None:
    """Add the limits of what is under way at the same time."""
    app[keys.BODIES] = BodyBudget(max(_MAX_BODIES_BYTES, _LARGEST_BODIES * settings.max_body))
    app[keys.DECODING] = ClientTurns(MAX_DECODED, MAX_DECODED)
    app[keys.SUBMISSIONS] = WorkTurns(_MAX_SUBMISSIONS_BYTES, _MAX_WAITING_BYTES)
    app[keys.BULK_SUBMISSIONS] = WorkTurns(_MAX_BULK_BYTES, _MAX_WAITING_BYTES)
    app[keys.CHECKS] = WorkTurns(_MAX_CHECKS_BYTES, _MAX_WAITING_BYTES)
    app[keys.BULK_JOBS] = WorkTurns(MAX_BULK_BYTES, sys.maxsize)
    app[keys.TOOL_OUTPUTS] = WorkTurns(MAX_TOOL_OUTPUTS, sys.maxsize)
    app[keys.JOB_PAGES] = WorkTurns(views.MAX_JOB_PAGES, sys.maxsize)
    app[keys.LIST_PAGES] = WorkTurns(rendering.MAX_LIST_PAGES, sys.maxsize)
    app[keys.PAST_PAGES] = WorkTurns(rendering.MAX_LIST_PAGES, sys.maxsize)
    app[keys.LOOKUPS] = WorkTurns(MAX_LOOKUPS, sys.maxsize)
    app[keys.ADMISSION] = AdmissionLimiter()
    app[keys.UNDER_WAY] = RequestsUnderWay(sys.maxsize)


def _add_pages(app: web.Application) -> None:
    """Add what the pages need: files, texts, templates."""
    app[keys.WORDS] = words.load()
    app[keys.ASSETS] = assets.load()
    app[docs.LIBRARY] = docs.Library()
    app[keys.ERROR_PAGE] = views.error
    app[aiohttp_jinja2.APP_KEY] = templates()


def _archive_of(settings: Settings, default: Path | None) -> Archive | None:
    """Return the history; ``--instance archive`` reads that of other services."""
    if settings.statedir is not None and settings.instance == "archive":
        return Archive(settings.statedir, readonly=True)
    folder = settings.statedir or default
    if folder is None or settings.no_history:
        return None
    return Archive(folder, _history_limits(settings))


def _below_statedir(settings: Settings, name: str) -> Path | None:
    """Return what the service keeps under *name*, if anything.

    The state directory that ``--instance archive`` reads belongs to other services.
    """
    if settings.statedir is None or settings.instance == "archive":
        return None
    return settings.statedir / name


def _exec_hook(
    settings: Settings, metrics: Metrics
) -> Callable[[InstanceSession], AbstractAsyncContextManager[None]]:
    """Return what runs the command of ``--exec`` for the events of a session, within a context.

    Raises:
        SettingsError: The filter is invalid.
    """
    try:
        filter = read_filter(querystring.parse("stream-filter", settings.exec_filter))
    except ValidationFailed as error:
        first = error.members["errors"][0]
        place = first["pointer"].lstrip("/") or "it"
        raise SettingsError(f"--exec-filter: {place} {first['detail']}") from None
    if not settings.exec_command:
        return lambda _: contextlib.nullcontext()
    command = Command(settings.exec_command, environment(os.environ), settings.exec_timeout)
    hook = ExecHook(command, filter, settings.exec_processes)
    metrics.watch_exec(hook)

    def attached(session: InstanceSession) -> AbstractAsyncContextManager[None]:
        # Children are open only while somebody uses them.
        if session.path != ROOT:
            return contextlib.nullcontext()
        return hook.attached(session.table, session.identity, session.journal.observers)

    return attached


def _history_limits(settings: Settings) -> Limits:
    """Return the limits of the settings, in which 0 is none."""
    return Limits(
        max_age=settings.history_max_age * 86400.0 or math.inf,
        max_jobs=settings.history_max_jobs or math.inf,
        max_bytes=settings.history_max_bytes or math.inf,
        max_job_output=settings.history_max_job_output,
        max_output=settings.history_max_output or math.inf,
    )


def _webhooks_of(settings: Settings) -> Webhooks:
    # The state directory that --instance archive reads belongs to other services.
    statedir = None if settings.instance == "archive" else settings.statedir
    return Webhooks(statedir, Targets(settings.webhook_allow), settings.webhooks_file)


def _child_limits(settings: Settings) -> ChildLimits:
    return ChildLimits(
        open=settings.max_children,
        depth=settings.max_child_depth,
        idle_timeout=settings.child_idle_timeout,
        open_timeout=settings.child_open_timeout,
    )


def _child_bounds(settings: Settings) -> Bounds:
    """Return the sizes of the session of a child, which is a program of a job's owner."""
    jobs = settings.max_child_jobs
    return Bounds(
        max_jobs=jobs,
        max_events=min(settings.buffer_events, _MAX_CHILD_EVENTS),
        max_event_bytes=_MAX_CHILD_EVENT_BYTES,
        capacity=Capacity(jobs, jobs * _CHILD_JOB_BYTES),
    )


@functools.cache
def _contracts() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the OpenAPI and the AsyncAPI document, which are the same for all applications."""
    return openapi.document(ROUTES), asyncapi.document(ROUTES)


@functools.cache
def _endpoints() -> Endpoints:
    """Return the routes at their paths, which are the same for all applications."""
    return Endpoints(ROUTES)


def _watch(metrics: Metrics, tracing: Tracing | None, label: str) -> CallWatch:
    """Return the watch of the calls to the instance with this label."""
    if tracing is None:
        return partial(metrics.call, label)

    @contextlib.contextmanager
    def watch(topic: str) -> Iterator[None]:
        with metrics.call(label, topic), tracing.call(topic):
            yield

    return watch


async def _end_waits(app: web.Application) -> None:
    """End unfinished bodies, streams, and requests that wait for a job."""
    app[keys.SHUTDOWN].begin()
    app[keys.CONNECTIONS].close()
    app[keys.HEAP].close()
    for session in app[keys.SESSIONS]:
        session.journal.waiters.release()


def _add_headers(app: web.Application, settings: Settings) -> None:
    common = app[COMMON_HEADERS] = CommonHeaders(settings)
    app.on_response_prepare.append(common.add)


async def _loop_lag(app: web.Application) -> AsyncIterator[None]:
    lag = LoopLag(app[keys.METRICS].late)
    lag.start()
    yield
    await lag.aclose()


async def _tokens(app: web.Application) -> AsyncIterator[None]:
    """Keep the tokens open while the application runs."""
    tokens = app[keys.TOKENS]
    await tokens.open()
    yield
    await tokens.close()


async def _templates(app: web.Application) -> AsyncIterator[None]:
    """Read the templates, once the lock of the tokens is held."""
    await app[keys.TEMPLATES].open()
    yield


async def _archive(app: web.Application) -> AsyncIterator[None]:
    """Keep the history open while the application runs."""
    archive = app[keys.ARCHIVE]
    if archive is None:
        yield
        return
    await archive.open()
    yield
    await archive.close(lambda: app[keys.SHUTDOWN].instance_timeout)


async def _webhooks(app: web.Application) -> AsyncIterator[None]:
    """Keep the webhooks at work while the application runs."""
    webhooks = app[keys.WEBHOOKS]
    await webhooks.open()
    yield
    await webhooks.close()


async def _sessions(app: web.Application, instance: Instance) -> AsyncIterator[None]:
    """Open the session of the root instance, and close all sessions at the end."""
    root = await app[keys.SESSIONS].open(ROOT, instance)
    freezing = asyncio.create_task(_freeze_after(root), name="freeze")
    app[keys.CHILDREN].reaper.start()
    for path, failures in (await app[keys.CHILDREN].past.load()).items():
        app[keys.INSIDE].note_earlier(path, failures)
    if root.capabilities.children:
        app[keys.CHILD_FOLLOWER].start()
    app[keys.TREE_OBSERVER].start()
    try:
        await asyncio.wait({freezing}, timeout=_CATCH_UP_TIMEOUT_S)
        yield
    finally:
        freezing.cancel()
        await app[keys.TREE_OBSERVER].aclose()
        await app[keys.CHILD_FOLLOWER].aclose()
        await app[keys.COUNTERS].aclose()
        await app[keys.CHILDREN].aclose()
        await app[keys.SESSIONS].close_all()


async def _freeze_after(session: InstanceSession) -> None:
    """Exclude the objects of the backlog from garbage collection, since they live long."""
    await session.journal.caught_up()
    gc.freeze()

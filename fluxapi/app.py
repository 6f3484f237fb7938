"""The application: settings and an instance in, a web application out."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Protocol

import aiohttp_jinja2
import jinja2
from aiohttp import web

from . import account, asyncapi, keys, middleware, openapi, schema
from .auth import Credentials
from .errors import FluxRefused, Forbidden, InstanceUnavailable
from .events.connections import Connections
from .events.cursor import instance_tag, new_epoch
from .events.heartbeat import Heartbeat
from .events.history import History
from .events.hub import Hub
from .events.idempotency import Idempotency
from .events.journal import Journal
from .events.output import Outputs
from .events.pages import Pages
from .events.pulse import Pulse
from .events.ring import Ring
from .events.situation import Observer
from .events.stats import Sampler
from .events.table import Table
from .events.trail import Trail
from .instance.protocol import CallWatch, Instance, InstanceInfo, Watchable
from .metrics import LoopLag, Metrics
from .model.jobspec import Defaults
from .model.keymark import KeySigner
from .model.options import read_value
from .routes import ROUTES, add_routes
from .settings import Settings
from .shutdown import Shutdown
from .telemetry import Tracing
from .tickets import Tickets
from .web import assets, views
from .web.visible import visible

__all__ = ["create_app"]

_log = logging.getLogger(__name__)

_CATCH_UP = 60.0
"""How long the start waits for the backlog, seconds; after that ``/ready`` says when it is in."""

_MAX_LINE = 65536
"""Longest request line, bytes: fields in the query must hold a command."""


def create_app(
    settings: Settings,
    instance: Instance,
    *,
    stop: Callable[[], None],
    tracing: Tracing | None = None,
) -> web.Application:
    """The application in front of ``instance``; ``stop`` ends the server gracefully."""
    credentials = Credentials(settings)
    around = middleware.create(settings, credentials)
    app = web.Application(
        middlewares=[around] if tracing is None else [tracing.request, around],
        # No route takes a coded body, and a refused one must not be inflated to be thrown away.
        handler_args={"max_line_size": _MAX_LINE, "auto_decompress": False},
    )
    app[keys.SETTINGS] = settings
    app[keys.INSTANCE] = instance
    app[keys.STOP] = stop
    app[keys.SHUTDOWN] = Shutdown(settings.shutdown_timeout)
    app[keys.CREDENTIALS] = credentials
    signer = KeySigner()
    app[keys.DEFAULTS] = Defaults(
        option_flags={key: read_value(text) for key, text in settings.option_flags.items()},
        environment=_environment(),
        launchers=settings.launchers,
        signer=signer,
    )
    app[keys.METRICS] = Metrics()
    if isinstance(instance, Watchable):
        instance.watch_calls(_watch(app[keys.METRICS], tracing))
    app[keys.CONNECTIONS] = Connections(settings.max_streams)
    app[keys.TICKETS] = Tickets()
    app[keys.TABLE] = Table(
        max_inactive=settings.max_jobs,
        max_keys=settings.idempotency_keys,
        history=History(settings.ring_events),
        signer=signer,
    )
    app[keys.IDEMPOTENCY] = Idempotency(
        app[keys.TABLE], settings.idempotency_keys, lambda: _settle(app)
    )
    app[keys.PAGES] = Pages()
    app[keys.OPENAPI] = openapi.document(ROUTES)
    app[keys.ASSETS] = assets.load()
    app[keys.ERROR_PAGE] = views.error
    app[keys.ASYNCAPI] = asyncapi.document(ROUTES)
    environment = aiohttp_jinja2.setup(
        app,
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "web" / "templates"),
        autoescape=True,
        enable_async=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        filters={"visible": visible},
    )
    # Read and compiled now: nothing is read from files once the event loop runs.
    for name in environment.list_templates():
        environment.get_template(name)
    for route in ROUTES:
        schema.compile_validator(route.body)
        schema.compile_validator(route.query)
    add_routes(app)
    app.on_response_prepare.append(middleware.add_headers)
    app.on_shutdown.append(_end_waits)
    if tracing is not None:
        app.on_cleanup.append(lambda _: tracing.close())
    app.cleanup_ctx.append(_instance)
    app.cleanup_ctx.append(_journal)
    return app


class Closable(Protocol):
    """Whatever has something to let go of at the end."""

    async def close(self) -> None:
        """Let go of it."""


def _watch(metrics: Metrics, tracing: Tracing | None) -> CallWatch:
    """What is around every call to Flux."""
    if tracing is None:
        return metrics.call

    @contextlib.contextmanager
    def watch(topic: str) -> Iterator[None]:
        with metrics.call(topic), tracing.call(topic):
            yield

    return watch


async def _end_waits(app: web.Application) -> None:
    """End what would go on for longer: unfinished bodies, streams, requests that wait for a job."""
    app[keys.SHUTDOWN].begin()
    app[keys.CONNECTIONS].close()
    app[keys.JOURNAL].release()


async def _instance(app: web.Application) -> AsyncIterator[None]:
    instance = app[keys.INSTANCE]
    try:
        info = app[keys.INFO] = await instance.start()
        await _share_secret(app[keys.DEFAULTS].signer, instance, info)
        yield
    finally:
        await instance.close(app[keys.SHUTDOWN].instance_timeout)


async def _share_secret(signer: KeySigner, instance: Instance, info: InstanceInfo) -> None:
    try:
        signer.share(info.owner, await instance.secret())
    except (FluxRefused, Forbidden) as refused:
        signer.share(info.owner, None)
        _log.warning("Idempotency-Keys will not outlive this service: %s", refused.detail)


async def _journal(app: web.Application) -> AsyncIterator[None]:
    epoch = new_epoch(instance_tag(app[keys.INFO].starttime))
    ring = Ring(epoch, max_events=app[keys.SETTINGS].ring_events)
    hub = app[keys.HUB] = Hub(app[keys.TABLE], ring, Trail())
    journal = app[keys.JOURNAL] = Journal(app[keys.INSTANCE], hub)
    outputs = app[keys.OUTPUTS] = Outputs(app[keys.INSTANCE], app[keys.TABLE])
    metrics = app[keys.METRICS]
    metrics.watch(journal, outputs, app[keys.CONNECTIONS], app[keys.INFO])
    pulse, sampler = Pulse(hub, outputs), Sampler(hub)
    observer = Observer(app[keys.TABLE], hub.stats, app[keys.INSTANCE])
    app[keys.OBSERVER] = observer
    lag, heartbeat = LoopLag(metrics.late), Heartbeat(journal)
    for part in (journal, pulse, sampler, observer, lag, heartbeat):
        await part.start()
    app[keys.IDEMPOTENCY].begin_to_settle()
    try:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(journal.caught_up(), _CATCH_UP)
        yield
    finally:
        closing = _close(
            app[keys.IDEMPOTENCY], heartbeat, outputs, lag, observer, sampler, pulse, journal
        )
        try:
            await asyncio.wait_for(closing, app[keys.SHUTDOWN].instance_timeout / 2)
        except asyncio.TimeoutError:
            _log.warning("the journal did not close in time")


async def _close(*parts: Closable) -> None:
    for part in parts:
        await part.close()


async def _settle(app: web.Application) -> None:
    """Return once the table holds what an earlier service has submitted."""
    await app[keys.JOURNAL].caught_up()
    await app[keys.INSTANCE].settle()
    if not app[keys.JOURNAL].ready:
        raise InstanceUnavailable("The journal of the instance is not caught up.")


def _environment() -> dict[str, str]:
    """What every job gets: who runs it, where programs are; nothing else of the service's."""
    return {**account.environment(), "PATH": os.environ.get("PATH", os.defpath)}

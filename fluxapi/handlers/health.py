"""Liveness, readiness and metrics, for orchestrators."""

from __future__ import annotations

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from fluxapi.errors import InstanceUnavailable
from fluxapi.http import keys

from .support import json_bytes, reply

__all__ = ["health", "metrics", "ready"]

_OK = b'{"status":"ok"}'


async def health(_request: web.Request) -> web.Response:
    """Answer that the service runs."""
    return reply(_OK)


async def ready(request: web.Request) -> web.Response:
    """Answer 200 if the instance answers and its journal is caught up, else 503.

    A history that cannot be written is reported, but does not harm the service.
    """
    session = request.app[keys.SESSIONS].root
    problem = session.problem
    if problem is not None:
        raise InstanceUnavailable(problem, **session.journal.progress)
    archive = request.app[keys.ARCHIVE]
    if archive is None or archive.problem is None:
        return reply(_OK)
    return reply(json_bytes({"status": "ok", "history": archive.problem}))


async def metrics(request: web.Request) -> web.Response:
    """Return the Prometheus metrics."""
    return web.Response(
        body=await request.app[keys.METRICS].render(), headers={"Content-Type": CONTENT_TYPE_LATEST}
    )

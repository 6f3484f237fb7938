"""The service itself: what it is, what it counts, how it ends."""

from __future__ import annotations

import asyncio
import logging

from aiohttp import web

from fluxapi import __version__, keys
from fluxapi.errors import FluxapiError
from fluxapi.instance.protocol import Instance
from fluxapi.model.record import username
from fluxapi.web import views

from .support import reply

__all__ = ["home", "stats", "stop"]

_log = logging.getLogger(__name__)

_SHUTDOWN_LIMIT = 30.0
"""How long the end of the instance may hold up that of the service, seconds."""

_LINKS = {
    "jobs": "/v1/jobs",
    "nodes": "/v1/nodes",
    "resources": "/v1/resources",
    "queues": "/v1/queues",
    "stats": "/v1/stats",
    "documentation": "/docs",
    "openapi": "/openapi.json",
    "metrics": "/metrics",
}


async def home(request: web.Request) -> web.Response:
    """The dashboard for a browser, for programs the service and the instance behind it."""
    if views.wants_page(request):
        return await views.jobs(request)
    return info(request)


def info(request: web.Request) -> web.Response:
    """The service and the instance behind it."""
    app = request.app
    facts = app[keys.INFO]
    return reply(
        {
            "fluxapi": __version__,
            "instance": facts.kind,
            "version": facts.version,
            "size": facts.size,
            "hostname": facts.hostname,
            "owner": username(facts.owner),
            "starttime": facts.starttime,
            "ready": app[keys.JOURNAL].ready,
            "jobs": app[keys.TABLE].stats(),
            "links": _LINKS,
        }
    )


async def stats(request: web.Request) -> web.Response:
    """Jobs by state and result."""
    return reply(request.app[keys.TABLE].stats())


async def stop(request: web.Request) -> web.StreamResponse:
    """Answer, then end the service; on request end the whole instance first."""
    whole = bool(request[keys.BODY].get("instance"))
    message = "The Flux instance and the service are" if whole else "The service is"
    response = reply({"Message": f"{message} stopping."})
    response.force_close()
    await response.prepare(request)
    await response.write_eof()
    if whole:
        await _end(request.app[keys.INSTANCE])
    request.app[keys.STOP]()
    return response


async def _end(instance: Instance) -> None:
    try:
        await asyncio.wait_for(instance.shutdown(), _SHUTDOWN_LIMIT)
    except FluxapiError as error:
        _log.error("the instance does not stop: %s", error.detail)
    except asyncio.TimeoutError:
        _log.error("the instance does not stop within %.0f s", _SHUTDOWN_LIMIT)

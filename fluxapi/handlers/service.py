"""The service itself: what it is, what it counts, how it ends."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import asdict

from aiohttp import web

from fluxapi import __version__
from fluxapi.errors import FluxapiError, NotSupported
from fluxapi.http import keys
from fluxapi.instance.protocol import Instance
from fluxapi.model.record import username

from .support import reply

__all__ = ["info", "stats", "stop"]

_log = logging.getLogger(__name__)

_SHUTDOWN_LIMIT = 30.0
"""How long the end of the instance may hold up that of the service, seconds."""

_RESOURCES = {
    "jobs": "/jobs",
    "nodes": "/nodes",
    "resources": "/resources",
    "queues": "/queues",
    "stats": "/stats",
}
_LINKS = {
    "documentation": "/docs",
    "openapi": "/openapi.json",
    "metrics": "/metrics",
}


async def info(request: web.Request) -> web.Response:
    """Return what the service and the instance behind it are."""
    session = request[keys.SESSION]
    facts = session.info
    return reply(
        {
            "fluxapi": __version__,
            "instance": facts.kind,
            "version": facts.version,
            "size": facts.size,
            "hostname": facts.hostname,
            "owner": username(facts.owner),
            "starttime": facts.starttime,
            "capabilities": asdict(session.capabilities),
            "ready": session.journal.ready,
            "jobs": session.table.stats(),
            "links": {name: session.api_path + place for name, place in _RESOURCES.items()}
            | _LINKS,
        }
    )


async def stats(request: web.Request) -> web.Response:
    """Jobs by state and result."""
    return reply(request[keys.SESSION].table.stats())


async def stop(request: web.Request) -> web.StreamResponse:
    """Answer, then end the service; on request end the whole instance first."""
    whole = bool(request[keys.BODY].get("instance"))
    root = request.app[keys.SESSIONS].root
    if whole and not root.capabilities.shutdown:
        raise NotSupported("The service cannot end this instance; leave out instance to stop it.")
    message = "The Flux instance and the service are" if whole else "The service is"
    response = reply({"Message": f"{message} stopping."})
    response.force_close()
    await response.prepare(request)
    await response.write_eof()
    if whole:
        await _end(root.instance)
    request.app[keys.STOP]()
    return response


async def _end(instance: Instance) -> None:
    try:
        await asyncio.wait_for(instance.shutdown(), _SHUTDOWN_LIMIT)
    except FluxapiError as error:
        _log.error("the instance does not stop: %s", error.detail)
    except asyncio.TimeoutError:
        _log.error("the instance does not stop within %.0f s", _SHUTDOWN_LIMIT)

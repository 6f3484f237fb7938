"""The service itself: its description, its job counts, its end."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import asdict

from aiohttp import web

from fluxapi import __version__
from fluxapi.errors import FluxapiError, NotSupported
from fluxapi.http import keys
from fluxapi.model.usernames import username
from fluxapi.process.timeout import within
from fluxapi.sessions.last_jobs import store_last_jobs, until_lost
from fluxapi.sessions.session import InstanceSession

from .support import reply

__all__ = ["info", "stats", "stop"]

_log = logging.getLogger(__name__)

_SHUTDOWN_TIMEOUT_S = 30.0
"""Time that the service waits for the instance to shut down."""

_STORE_TIMEOUT_S = 10.0
"""Time for the outputs that the history lacks before the instance shuts down."""

_RESOURCES = {
    "jobs": "/jobs",
    "groups": "/groups",
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
    """Describe the service and its instance."""
    session, base = request[keys.SESSION], request[keys.BASE]
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
            **({"notice": facts.notice} if facts.notice else {}),
            "ready": session.journal.ready,
            "jobs": session.table.stats(),
            "links": {
                **{name: base + session.api_path + place for name, place in _RESOURCES.items()},
                **{name: base + place for name, place in _LINKS.items()},
            },
        }
    )


async def stats(request: web.Request) -> web.Response:
    """Return the number of jobs by state and result, and those of each queue."""
    table = request[keys.SESSION].table
    return reply({**table.stats(), "by_queue": table.queues.record()})


async def stop(request: web.Request) -> web.StreamResponse:
    """Answer, then stop the service; shut the whole instance down first if requested."""
    whole = bool(request[keys.BODY].get("instance"))
    root = request.app[keys.SESSIONS].root
    if whole and not root.capabilities.shutdown:
        raise NotSupported(
            root.info.notice
            or "The service cannot shut this instance down; send no instance member."
        )
    message = "The Flux instance and the service are" if whole else "The service is"
    response = reply({"Message": f"{message} stopping."})
    response.force_close()
    await response.prepare(request)
    await response.write_eof()
    if whole:
        await _end(root)
    request.app[keys.STOP]()
    return response


async def _end(root: InstanceSession) -> None:
    """Shut down the instance of a session; the history gets the jobs that end by that."""
    ends = time.monotonic() + _SHUTDOWN_TIMEOUT_S

    def left() -> float:
        return max(ends - time.monotonic(), 0.0)

    try:
        if root.history is not None:
            # The instance takes the jobs that run, and all outputs, with it.
            await store_last_jobs(root.history, root.journal, lambda: _STORE_TIMEOUT_S, whole=True)
        await within(left(), root.instance.shutdown())
        if root.history is not None:
            await until_lost(root.journal, left())
    except FluxapiError as error:
        _log.error("the instance does not shut down: %s", error.detail)
    except asyncio.TimeoutError:
        _log.error("the instance did not shut down within %.0f s", _SHUTDOWN_TIMEOUT_S)

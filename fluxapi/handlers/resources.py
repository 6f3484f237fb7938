"""The nodes, cores, gpus and queues of the instance."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from fluxapi.http import keys
from fluxapi.process.timeslice import TimeSlice

from .support import reply

__all__ = ["held_queues", "nodes", "queues", "resources"]


async def nodes(request: web.Request) -> web.Response:
    """Return the host names, each once."""
    found = await _found(request)
    return reply({"nodes": list(dict.fromkeys(node["name"] for node in found["nodes"]))})


async def resources(request: web.Request) -> web.Response:
    """Return every node with its cores, gpus and state, and the totals."""
    return reply(await _found(request))


async def _found(request: web.Request) -> dict[str, Any]:
    """Return the nodes, in a pass of the event loop in which nobody else gets them.

    Those of a large instance take milliseconds to encode.
    """
    found = await request[keys.SESSION].nodes.read()
    await TimeSlice(0).share()
    return found


async def queues(request: web.Request) -> web.Response:
    """Return the queues: their state and limits, their jobs, nodes and cores."""
    session = request[keys.SESSION]
    return reply({"queues": await session.queues.rows(request[keys.PRINCIPAL])})


async def held_queues(request: web.Request) -> web.Response:
    """Return the queues that are stopped and so hold up pending jobs of the sender."""
    session = request[keys.SESSION]
    return reply({"queues": await session.queues.holding(request[keys.PRINCIPAL])})

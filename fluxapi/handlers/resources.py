"""What the instance has: nodes, cores, gpus, queues."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from fluxapi import keys
from fluxapi.instance.nodes import describe
from fluxapi.instance.protocol import Queue
from fluxapi.model.resources import nodes as nodes_of

from .support import reply

__all__ = ["nodes", "queues", "resources"]


async def nodes(request: web.Request) -> web.Response:
    """The host names, each once."""
    found = await request.app[keys.INSTANCE].resources()
    return reply({"nodes": list(dict.fromkeys(node.name for node in nodes_of(found.all)))})


async def resources(request: web.Request) -> web.Response:
    """Every node with its cores, gpus and state, and the sums."""
    return reply(describe(await request.app[keys.INSTANCE].resources()))


async def queues(request: web.Request) -> web.Response:
    """The queues and what they do."""
    found = await request.app[keys.INSTANCE].queues()
    return reply({"queues": [_queue(queue) for queue in found]})


def _queue(queue: Queue) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": queue.name,
        "enabled": queue.enabled,
        "started": queue.started,
        "default": queue.default,
    }
    if queue.disable_reason:
        row["disable_reason"] = queue.disable_reason
    if queue.stop_reason:
        row["stop_reason"] = queue.stop_reason
    return row

"""The tree of instances, as far as the service knows it; the tables answer."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from fluxapi.errors import InstanceNotFound
from fluxapi.http import keys
from fluxapi.model.message import problem
from fluxapi.sessions.child import canonical_path

from .support import reply

__all__ = ["instance", "list_instances"]

_MAX_INSTANCES = 1000
"""Instances in a list whose limit is not given."""


async def list_instances(request: web.Request) -> web.Response:
    """Return the tree, each instance before those below it."""
    fields, counters = request[keys.QUERY], request.app[keys.COUNTERS]
    limit = int(fields.get("limit", _MAX_INSTANCES))
    if fields.get("counts"):
        await counters.want()
    found: list[dict[str, Any]] = []
    truncated = False
    async for node in request.app[keys.TREE].walk():
        truncated = len(found) == limit
        if truncated:
            break
        counters.add_to(node)
        found.append(node.record())
    return reply({"instances": found, "truncated": truncated})


async def instance(request: web.Request) -> web.Response:
    """Return one instance, without opening it."""
    path = canonical_path(request.match_info["instance"])
    node = request.app[keys.TREE].find(path)
    if node is None:
        raise InstanceNotFound(problem("unknown_instance", path=path))
    request.app[keys.COUNTERS].add_to(node)
    return reply(node.record())

"""One node, and what was in use over time."""

from __future__ import annotations

import time
from typing import Any

from aiohttp import web

from fluxapi.archive.figures import read_instance_use
from fluxapi.archive.span import Span
from fluxapi.errors import ValidationFailed
from fluxapi.http import keys

from .sending import while_connected
from .support import reply

__all__ = ["node", "node_use", "use"]

_DAY_S = 86_400.0
_STEPS = 120


async def node(request: web.Request) -> web.Response:
    """Return a host with its brokers: their state, cores, GPUs, properties and queues."""
    return reply(await request[keys.SESSION].nodes.find(request.match_info["node"]))


async def use(request: web.Request) -> web.Response:
    """Return the cores in use over a time: as sampled, else as the jobs tell."""
    session, span = request[keys.SESSION], _span(request)
    steps = await while_connected(request, session.nodes.use.of_instance(span))
    archive, stored = request.app[keys.ARCHIVE], session.past.stored
    if archive is not None and stored is not None:
        identity = stored.instance
        sampled = await archive.reader.run(
            lambda database: list(read_instance_use(database, identity, span))
        )
        steps = [{**step, **_sample(found)} for step, found in zip(steps, sampled, strict=True)]
    return reply({**_described(span), "steps": steps})


async def node_use(request: web.Request) -> web.Response:
    """Return the cores in use on one node over a time, as its jobs tell."""
    session, span = request[keys.SESSION], _span(request)
    name, rank = request.match_info["node"], request[keys.QUERY].get("rank")
    found = await while_connected(request, session.nodes.use.of_node(name, rank, span))
    return reply({**_described(span), **found})


def _span(request: web.Request) -> Span:
    fields = request[keys.QUERY]
    until = min(float(fields.get("until", time.time())), time.time())
    since = float(fields.get("since", until - _DAY_S))
    try:
        return Span.choose(since, until, int(fields.get("steps", _STEPS)))
    except ValueError as error:
        raise ValidationFailed([{"pointer": "/until", "detail": f"{error}."}]) from None


def _described(span: Span) -> dict[str, Any]:
    return {"since": span.since, "until": span.until, "step": span.step}


def _sample(found: dict[str, float] | None) -> dict[str, Any]:
    """Return what the samples of a step tell; the rest is as the jobs tell."""
    known = {} if found is None else found
    names = {"cores": "total", "cores_allocated": "allocated"}
    return {names[name]: value for name, value in known.items() if name in names}

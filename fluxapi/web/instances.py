"""The page of the tree of instances."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from fluxapi.http import keys
from fluxapi.model.duration import duration

from .job_counts import IN_TREE
from .rendering import render

__all__ = ["instances"]

_MAX_INSTANCES = 1000
"""Instances on the page, as many as its stream has."""

_MEMBERS = ("id", "name", "username", "reason", "remedy", "nnodes", "size", "version", "hostname")
"""Members of the record of an instance that may be missing."""


async def instances(request: web.Request) -> web.Response:
    """Render the tree of instances; its script keeps it current by the stream of the tree."""
    counters = request.app[keys.COUNTERS]
    await counters.want()
    rows: list[dict[str, Any]] = []
    truncated = False
    async for node in request.app[keys.TREE].walk():
        truncated = len(rows) == _MAX_INSTANCES
        if truncated:
            break
        counters.add_to(node)
        rows.append(_row(node.record()))
    context = {
        "page": "instances",
        "instances": rows,
        "columns": IN_TREE,
        "limit": _MAX_INSTANCES,
        "truncated": truncated,
    }
    return await render(request, "instances.html", context)


def _row(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the page shows of one instance."""
    jobs, began = record.get("jobs"), record.get("t_run")
    ended = record.get("t_end") or record.get("lost_since") or time.time()
    return {
        **dict.fromkeys(_MEMBERS, ""),
        **record,
        "runtime": duration(int(max(ended - began, 0))) if began else "",
        "use": _use(record.get("utilization")),
        "counts": [
            (filter, None if jobs is None else sum(jobs[member].get(name, 0) for name in names))
            for _, member, names, filter in IN_TREE
        ],
    }


def _use(utilization: Mapping[str, Mapping[str, int]] | None) -> list[tuple[str, int, int]]:
    """Return kind, number taken and number there of what an instance has any of."""
    if utilization is None:
        return []
    titles = (("nodes", "nodes"), ("cores", "cores"), ("gpus", "GPUs"))
    return [
        (
            title if utilization[kind]["total"] != 1 else title[:-1],
            utilization[kind]["allocated"],
            utilization[kind]["total"],
        )
        for kind, title in titles
        if utilization[kind]["total"]
    ]

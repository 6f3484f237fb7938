"""The nodes of an instance in the API."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from fluxapi.errors import InstanceUnavailable
from fluxapi.model.checked import clip, seconds, text
from fluxapi.model.idset import IdSet
from fluxapi.model.resources import MAX_NODES, Node
from fluxapi.model.resources import nodes as nodes_of

from .protocol import ResourceInfo, Resources

__all__ = ["describe", "nodes_and_totals"]

_MAX_REASON_LENGTH = 1000
_MAX_ERROR_LENGTH = 255
_MAX_PROPERTIES = 1 << 18
"""Properties of all nodes together."""

_MAX_PROPERTY_LENGTH = 255


async def nodes_and_totals(instance: ResourceInfo) -> dict[str, Any]:
    """Return the response of ``GET /resources``, computed in a thread.

    Raises:
        InstanceUnavailable: The instance does not answer, or with something else; the instance of
            a job is a program that can say anything.
    """
    found = await instance.resources()
    try:
        return await asyncio.to_thread(describe, found)
    except (AttributeError, TypeError, ValueError) as error:
        reason = clip(str(error), _MAX_ERROR_LENGTH)
    raise InstanceUnavailable(f"The instance describes its resources in an invalid way: {reason}.")


def describe(found: Resources) -> dict[str, Any]:
    """Return the response of ``GET /resources``; raise ``ValueError`` or ``TypeError``."""
    allocated = {node.rank: node for node in nodes_of(found.allocated)}
    offline, excluded = IdSet.parse(text(found.offline)), IdSet.parse(text(found.exclude))
    torpid = IdSet.parse(text(found.torpid))
    down = {node.rank for node in nodes_of(found.down)}
    drained = _drained(found.drain)
    properties = _properties(found.all)
    rows = []
    for node in nodes_of(found.all):
        used = allocated.get(node.rank, Node(node.rank, node.name))
        row: dict[str, Any] = {
            "rank": node.rank,
            "name": node.name,
            "state": _state(node.rank, offline, excluded, drained, allocated),
            "allocated": node.rank in allocated,
            "cores": {"total": len(node.cores), "allocated": len(used.cores)},
            "gpus": {"total": len(node.gpus), "allocated": len(used.gpus)},
        }
        why = drained.get(node.rank)
        if why is not None:
            row["reason"], row["drained_at"] = why
        flags = {
            "excluded": node.rank in excluded,
            "torpid": node.rank in torpid,
            "unschedulable": node.rank in down,
        }
        row |= {name: True for name, holds in flags.items() if holds}
        if node.rank in properties:
            row["properties"] = properties[node.rank]
        rows.append(row)
    known = [row for row in rows if "excluded" not in row]
    return {"nodes": rows, "totals": _totals(known)}


def _properties(R: Mapping[str, Any] | None) -> dict[int, list[str]]:
    """Return the properties of the nodes that have some; raise ``ValueError`` for too many."""
    found: dict[int, list[str]] = {}
    count = 0
    tables = (R or {}).get("execution", {}).get("properties") or {}
    for name, ranks in tables.items():
        members = IdSet.parse(text(ranks))
        count += len(members)
        if count > _MAX_PROPERTIES or len(name) > _MAX_PROPERTY_LENGTH:
            raise ValueError(f"more than {_MAX_PROPERTIES} properties of nodes, or a long one")
        for rank in members:
            found.setdefault(rank, []).append(name)
    return found


def _drained(groups: Mapping[str, Mapping[str, Any]]) -> dict[int, tuple[str, float]]:
    """Return the reason and the time of the drain of each drained rank."""
    found: dict[int, tuple[str, float]] = {}
    count = 0
    for ranks, why in groups.items():
        members = IdSet.parse(ranks)
        count += len(members)
        if count > MAX_NODES:
            raise ValueError(f"more than {MAX_NODES} nodes are drained")
        reason = clip(text(why.get("reason") or ""), _MAX_REASON_LENGTH)
        found.update(dict.fromkeys(members, (reason, seconds(why.get("timestamp", 0.0)))))
    return found


def _state(
    rank: int,
    offline: IdSet,
    excluded: IdSet,
    drained: Mapping[int, Any],
    allocated: Mapping[int, Any],
) -> str:
    """Return the state of a node in the words of ``flux resource``.

    A drained node is *draining* while jobs still run on it.
    """
    if rank in offline:
        return "down"
    if rank in drained:
        return "draining" if rank in allocated else "drained"
    return "excluded" if rank in excluded else "up"


def _totals(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "nodes": len(rows),
        **{
            kind: {
                "total": sum(row[kind]["total"] for row in rows),
                "allocated": sum(row[kind]["allocated"] for row in rows),
                # Idle resources of a node that is not up are not available.
                "free": sum(
                    row[kind]["total"] - row[kind]["allocated"]
                    for row in rows
                    if row["state"] == "up"
                ),
            }
            for kind in ("cores", "gpus")
        },
    }

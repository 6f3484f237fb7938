"""The nodes of an instance in the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fluxapi.model.idset import IdSet
from fluxapi.model.resources import Node
from fluxapi.model.resources import nodes as nodes_of

from .protocol import Resources

__all__ = ["describe"]


def describe(found: Resources) -> dict[str, Any]:
    """Return the response of ``GET /resources``."""
    allocated = {node.rank: node for node in nodes_of(found.allocated)}
    offline, excluded = IdSet.parse(found.offline), IdSet.parse(found.exclude)
    drained = {rank: why for ranks, why in found.drain.items() for rank in IdSet.parse(ranks)}
    rows = []
    for node in nodes_of(found.all):
        used = allocated.get(node.rank, Node(node.rank, node.name, (), ()))
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
            row["reason"] = why.get("reason") or ""
            row["drained_at"] = why.get("timestamp", 0.0)
        rows.append(row)
    return {"nodes": rows, "totals": _totals(rows)}


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

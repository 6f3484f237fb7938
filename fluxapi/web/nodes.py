"""The nodes of their page: nodes with problems first, each with its jobs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

from fluxapi.model.idset import IdSet

__all__ = ["STATES", "arrange", "with_jobs"]

STATES = ("down", "drained", "draining", "excluded", "up")
"""The states in the order of the page, the worst first."""


def arrange(nodes: Iterable[Mapping[str, Any]], *, state: str, text: str) -> list[dict[str, Any]]:
    """Return the nodes of ``GET /resources`` that match the filters, with details for the page.

    Adds ``since`` in words, and ``states`` with every state of the node. An empty ``state`` or
    ``text`` (a part of the name, in any case) matches all.
    """
    found = [
        {
            **node,
            "states": states(node),
            "reason": node.get("reason", ""),
            "since": _moment(node.get("drained_at", 0.0)),
        }
        for node in nodes
        if (not state or state in states(node)) and text.strip().lower() in node["name"].lower()
    ]
    return sorted(found, key=lambda node: (STATES.index(node["state"]), node["rank"]))


def states(node: Mapping[str, Any]) -> list[str]:
    """Return the states of a node of ``GET /resources``; a node can be both down and drained."""
    found = [node["state"]]
    if node["state"] == "down" and "drained_at" in node:
        found.append("draining" if node["allocated"] else "drained")
    return found


def with_jobs(
    nodes: Iterable[Mapping[str, Any]], records: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return the nodes with the running jobs on each as ``jobs``; jobs may span many nodes."""
    placed = [(record, IdSet.parse(record.get("ranks", ""))) for record in records]
    return [
        {**node, "jobs": [record for record, ranks in placed if node["rank"] in ranks]}
        for node in nodes
    ]


def _moment(seconds: float) -> str:
    if not seconds:
        return ""
    return datetime.fromtimestamp(seconds, tz=timezone.utc).strftime("%Y-%m-%d %H:%M UTC")

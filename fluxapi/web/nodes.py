"""The nodes of their page: filtered and sorted, each with its jobs and queues."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from fluxapi.model.idset import IdSet

__all__ = [
    "KINDS",
    "SORTS",
    "STATES",
    "STATE_HELP",
    "STATE_TEXTS",
    "arrange",
    "states",
    "with_jobs",
]

STATES = ("down", "drained", "draining", "excluded", "up")
"""The states in the order of the page, the worst first."""

STATE_TEXTS = {
    "down": "nodes.is_down",
    "drained": "nodes.is_drained",
    "draining": "nodes.is_draining",
    "excluded": "nodes.is_excluded",
    "up": "nodes.is_up",
}
STATE_HELP = {
    "down": "nodes.state_help_down",
    "drained": "nodes.state_help_drained",
    "draining": "nodes.state_help_draining",
    "excluded": "nodes.state_help_excluded",
}
"""The keys of the words for each state, and of the sentence that explains it."""

KINDS = (
    ("cores", "nodes.cores", "nodes.cores_in_use"),
    ("gpus", "nodes.gpus", "nodes.gpus_in_use"),
)
"""The resources of a node: the member of its record, and the keys of its title and label."""

Row = Mapping[str, Any]
"""A node of ``GET /resources`` with its ``queues``."""

_DIGITS = re.compile(r"([0-9]{1,18})")

_KEYS: Mapping[str, Callable[[Row], Any]] = {
    "name": lambda node: _natural(node["name"]),
    "state": lambda node: STATES.index(node["state"]),
    "cores": lambda node: node["cores"]["allocated"],
    "gpus": lambda node: node["gpus"]["allocated"],
    "jobs": lambda node: node["cores"]["allocated"],
    "queues": lambda node: node["queues"],
    "properties": lambda node: node.get("properties", []),
    "rank": lambda node: node["rank"],
    "since": lambda node: node.get("drained_at", 0.0),
}

SORTS = (
    ("", "nodes.sort_trouble"),
    ("name", "nodes.sort_name"),
    ("-cores", "nodes.sort_cores"),
    ("-jobs", "nodes.sort_jobs"),
    ("-since", "nodes.sort_since"),
    ("rank", "nodes.sort_rank"),
)
"""The orders that a page without headings, on a phone, offers: a value and the key of its text."""


def _natural(name: str) -> list[tuple[int, str]]:
    """Return a key that sorts node2 before node10."""
    return [
        (int(part) if place % 2 else 0, "" if place % 2 else part)
        for place, part in enumerate(_DIGITS.split(name))
    ]


def arrange(
    nodes: Iterable[Mapping[str, Any]],
    queues: Sequence[Mapping[str, Any]],
    given: Mapping[str, str],
) -> list[dict[str, Any]]:
    """Return the nodes of ``GET /resources`` that match the filters, with details for the page.

    Adds ``states`` with every state of the node, ``queues``, and as ``is_shared`` if several
    brokers are on its host. An empty filter matches all;
    ``text`` is a part of the name or of a property, in any case.
    """
    text = given["text"].strip().lower()
    found = []
    listed = list(nodes)
    brokers = Counter(node["name"] for node in listed)
    for node in listed:
        mine = _queues_of(node, queues)
        if (
            given["state"] in {"", *states(node)}
            and given["queue"] in {"", *mine}
            and any(text in word.lower() for word in (node["name"], *node.get("properties", ())))
        ):
            row = {**node, "states": states(node), "reason": node.get("reason", "")}
            shared = brokers[node["name"]] > 1
            found.append({**row, "queues": mine, "is_shared": shared})
    order = given["sort"] or "state"
    found.sort(key=lambda node: node["rank"])
    found.sort(key=_KEYS[order.removeprefix("-")], reverse=order.startswith("-"))
    return found


def _queues_of(node: Mapping[str, Any], queues: Sequence[Mapping[str, Any]]) -> list[str]:
    has = frozenset(node.get("properties", ()))
    return [queue["name"] for queue in queues if has.issuperset(queue["requires"])]


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

"""The resources that a jobspec asks for in all, and those of its largest slot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .resources import MAX_COUNT

__all__ = ["Demand", "demand"]

_MAX_VERTICES = 1024
"""Resource vertices of one jobspec that are read; RFC 25 allows only a few."""


class Demand(NamedTuple):
    """The counts of one job; ``None``: unknown, or left to Flux.

    ``slot_cores`` and ``slot_gpus`` are those of one slot, which is on one node. The cores of
    whole nodes depend on the nodes, so *cores* is ``None`` then.
    """

    nodes: int | None
    cores: int | None
    gpus: int | None
    slot_cores: int
    slot_gpus: int
    whole_nodes: bool


def demand(resources: Any) -> Demand:
    """Return the demand of the resources of a jobspec (RFC 14); raise ``ValueError``."""
    totals = {"node": 0, "core": 0, "gpu": 0}
    slot = {"core": 0, "gpu": 0}
    is_whole, read = False, 0
    # The vertices of a level, by how many there are of it, in all and in one slot.
    below: list[tuple[int, int | None, Any]] = [(1, None, resources)]
    while below:
        factor, in_slot, level = below.pop()
        if not isinstance(level, Sequence) or isinstance(level, str):
            raise ValueError("a level of resources must be an array")  # noqa: TRY004 - one error
        for vertex in level:
            kind, count = _vertex(vertex)
            read += 1
            whole = factor * count
            each = None if in_slot is None else in_slot * count
            if read > _MAX_VERTICES or whole > MAX_COUNT:
                raise ValueError("asks for more resources than Flux can count")
            if kind in totals:
                totals[kind] += whole
            if kind in slot and each is not None:
                slot[kind] = max(slot[kind], each)
            is_whole = is_whole or (kind == "node" and vertex.get("exclusive") is True)
            if "with" in vertex:
                below.append((whole, 1 if kind == "slot" else each, vertex["with"]))
    return Demand(
        totals["node"] or None,
        None if is_whole else totals["core"] or None,
        totals["gpu"] or None,
        slot["core"],
        slot["gpu"],
        is_whole,
    )


def _vertex(vertex: Any) -> tuple[str, int]:
    kind = vertex.get("type") if isinstance(vertex, Mapping) else None
    count = vertex.get("count", 1) if isinstance(vertex, Mapping) else None
    if not isinstance(kind, str) or type(count) is not int or not 0 <= count <= MAX_COUNT:
        raise ValueError("a resource must have a type and a count")
    return kind, count

"""The requested resources of a jobspec V1 (RFC 25): slots of cores and GPUs, maybe on nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fluxapi.errors import FluxRefused

from .fields import MAX_COUNT

__all__ = ["Shape", "read_shape"]

_MAX_DEPTH = 32
"""Levels of nested resources; RFC 25 has three."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A resource request: ``slots`` in total, each of ``slot_cores`` and ``slot_gpus``.

    ``nodes`` is 0 if the jobspec requests no nodes; ``error`` says why the scheduler cannot parse a
    valid jobspec (Flux detects this at allocation, not at submission).
    """

    slots: int = 1
    slot_cores: int = 1
    slot_gpus: int = 0
    nodes: int = 0
    exclusive: bool = False
    error: str | None = None

    @property
    def cores(self) -> int:
        """Cores of all slots."""
        return self.slots * self.slot_cores

    @property
    def slots_per_node(self) -> int:
        """Slots on each node; all slots without nodes."""
        return self.slots // self.nodes if self.nodes else self.slots


def read_shape(resources: Any) -> Shape:
    """Return the shape of *resources*; raise ``FluxRefused`` if it is not a resource list."""
    if not isinstance(resources, list):
        raise FluxRefused("resources must be a sequence")
    for resource in resources:
        _check(resource)
    if not resources:
        return Shape(error="jobspec has no resources")
    if len(resources) > 1:
        return Shape(error="more than one resource at the top level")
    top = resources[0]
    nodes, exclusive = 0, bool(top.get("exclusive", False))
    if top["type"] == "node":
        nodes = top["count"]
        slot = next((child for child in top.get("with", []) if child["type"] == "slot"), None)
    else:
        slot = top if top["type"] == "slot" else None
    if slot is None:
        return Shape(error="Unable to determine slot count")
    counts = {child["type"]: child["count"] for child in slot.get("with", [])}
    if "core" not in counts:
        return Shape(error="Unable to determine slot size")
    return Shape(
        slots=slot["count"] * max(1, nodes),
        slot_cores=counts["core"],
        slot_gpus=counts.get("gpu", 0),
        nodes=nodes,
        exclusive=exclusive or bool(slot.get("exclusive", False)),
    )


def _check(resource: Any, depth: int = 1) -> None:
    if depth > _MAX_DEPTH:
        raise FluxRefused(f"resources must not be nested deeper than {_MAX_DEPTH} levels")
    if not isinstance(resource, dict):
        raise FluxRefused("resource must be a mapping")
    for key in ("type", "count"):
        if key not in resource:
            raise FluxRefused(f"{key} is a required key for resources")
    kind, count = resource["type"], resource["count"]
    if not isinstance(kind, str):
        raise FluxRefused("type must be a string")
    _check_count(kind, count)
    if kind == "slot" and not isinstance(resource.get("label"), str):
        raise FluxRefused("slots must have labels")
    children = resource.get("with", [])
    if not isinstance(children, list):
        raise FluxRefused("with must be a sequence")
    for child in children:
        _check(child, depth + 1)


def _check_count(kind: str, count: Any) -> None:
    if isinstance(count, bool) or not isinstance(count, int):
        raise FluxRefused(f"resource count must be an integer for type '{kind}'")
    least = 0 if kind not in {"node", "slot", "core"} else 1
    if count < least:
        raise FluxRefused(
            "node, slot, or core count must be > 0" if least else f"{kind} count must be >= 0"
        )
    if count > MAX_COUNT:
        raise FluxRefused(f"{kind} count must be at most {MAX_COUNT}")

"""How many tasks, cores and nodes a jobspec asks for, as ``src/common/libjob/jj.c`` counts them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from .resources import Allocation

__all__ = ["Counts", "read_counts"]


class Counts(NamedTuple):
    """The counts of one jobspec; equal ones are one object, shared by all jobs that have them.

    ``slots`` is per node where ``nodes`` is set; ``total`` is ``tasks[0].count.total``; ``per`` and
    ``per_count`` are the shell option ``per-resource``.
    """

    nodes: int
    slots: int
    slot_size: int
    exclusive: bool
    total: int | None
    per: str | None
    per_count: int

    @property
    def all_slots(self) -> int:
        """Slots over all nodes."""
        return self.slots * self.nodes if self.nodes else self.slots

    @property
    def nnodes(self) -> int | None:
        """Nodes asked for, ``None`` when Flux decides."""
        return self.nodes or None

    @property
    def ncores(self) -> int | None:
        """Cores asked for, ``None`` when only the allocation tells (whole nodes)."""
        return None if self.nodes and self.exclusive else self.all_slots * self.slot_size

    def ntasks(self, given: Allocation | None) -> int | None:
        """Tasks, ``None`` while only the allocation can tell (tasks per node or per core)."""
        if self.per == "node":
            nodes = self.nodes or (given.nnodes if given else 0)
            return nodes * self.per_count or None
        if self.per == "core":
            if not self.nodes:
                return self.all_slots * self.slot_size * self.per_count
            return given.ncores * self.per_count if given else None
        return self.all_slots if self.total is None else self.total

    def with_resources(self, resources: Sequence[Mapping[str, Any]]) -> Counts:
        """The counts after a jobspec-update of ``resources``."""
        return _shared(*_walk(resources), self.total, self.per, self.per_count)

    def with_tasks(self, tasks: Sequence[Mapping[str, Any]]) -> Counts:
        """The counts after a jobspec-update of ``tasks``."""
        return _shared(*self[:4], tasks[0]["count"].get("total"), self.per, self.per_count)


@lru_cache(maxsize=65536)
def _shared(*fields: Any) -> Counts:
    return Counts(*fields)


def read_counts(
    resources: Sequence[Mapping[str, Any]],
    tasks: Sequence[Mapping[str, Any]],
    per_resource: Mapping[str, Any] | None,
) -> Counts:
    """Count; raises ``KeyError``, ``TypeError`` or ``ValueError`` for what is not a jobspec V1."""
    per, per_count = None, 1
    if per_resource:
        per, per_count = per_resource["type"], per_resource.get("count", 1)
    return _shared(*_walk(resources), tasks[0]["count"].get("total"), per, per_count)


def _walk(resources: Sequence[Mapping[str, Any]]) -> tuple[int, int, int, bool]:
    nodes = slots = slot_size = 0
    exclusive = False
    factor = 1
    level: Sequence[Mapping[str, Any]] = resources
    below: list[tuple[int, Sequence[Mapping[str, Any]]]] = []
    while True:
        for vertex in level:
            kind, count = vertex["type"], vertex["count"]
            if not isinstance(count, int):
                raise TypeError("a count must be an integer")
            if kind == "node":
                nodes = factor * count
                exclusive = exclusive or bool(vertex.get("exclusive"))
            elif kind == "slot":
                slots = count
            elif kind == "core":
                slot_size = count
            if "with" in vertex:
                below.append((factor * count, vertex["with"]))
        if not below:
            break
        factor, level = below.pop()
    if slots <= 0 or slot_size <= 0:
        raise ValueError("cannot determine slots and their size")
    return nodes, slots, slot_size, exclusive

"""The tasks, cores and nodes that a jobspec requests, counted as in ``src/common/libjob/jj.c``.

Further requests, such as constraints, are known but not counted.

Flux does not validate shell options, and a jobspec may request more than exists: each number is
checked, and a product that overflows Flux's own integers counts as unknown.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from .resources import MAX_COUNT, Allocation
from .sharing import short_json

__all__ = ["Counts", "read_counts"]

_MAX_VERTICES = 1024
"""Resource vertices of one jobspec that are read; RFC 25 allows only a few."""

_SHARED_BYTES = 512
"""Size of the resources of a jobspec, as JSON, that many jobs are likely to share."""

_MAX_PROPERTIES, _MAX_PROPERTY_LENGTH = 8, 64
"""Properties of one constraint that are kept."""


class Counts(NamedTuple):
    """The counts of one jobspec; jobs with equal counts share one object.

    ``slots`` is per node if ``nodes`` is set; ``total`` is ``tasks[0].count.total``; ``per`` and
    ``per_count`` are the shell option ``per-resource``. ``per`` is ``"?"`` if that option is
    invalid: Flux does not know the number of tasks then, either. ``others`` is true if resources
    besides nodes and cores are requested, such as GPUs, and ``gpus`` is the number of these.
    ``properties`` are those that all nodes
    need, where these are the only constraint; ``constrained`` is true if there is another one.
    """

    nodes: int
    slots: int
    slot_size: int
    exclusive: bool
    others: bool
    gpus: int
    total: int | None
    per: str | None
    per_count: int
    properties: tuple[str, ...]
    constrained: bool

    @property
    def all_slots(self) -> int:
        """Slots on all nodes."""
        return self.slots * self.nodes if self.nodes else self.slots

    @property
    def nnodes(self) -> int | None:
        """Requested nodes; ``None`` if Flux decides."""
        return _known(self.nodes)

    @property
    def ncores(self) -> int | None:
        """Requested cores; ``None`` if they depend on the allocation (whole nodes)."""
        if self.nodes and self.exclusive:
            return None
        return _known(self.all_slots * self.slot_size)

    def ntasks(self, given: Allocation | None) -> int | None:
        """Return the number of tasks; ``None`` if it depends on an allocation not yet *given*."""
        return _known(self._tasks(given))

    def _tasks(self, given: Allocation | None) -> int:
        if self.per == "node":
            nodes = self.nodes or (given.nnodes if given else 0)
            return nodes * self.per_count
        if self.per == "core":
            if not self.nodes:
                return self.all_slots * self.slot_size * self.per_count
            return given.ncores * self.per_count if given else 0
        if self.per is not None:
            return 0
        return self.all_slots if self.total is None else self.total

    def with_resources(self, resources: Any) -> Counts:
        """Return the counts after a jobspec-update of *resources*; raise ``ValueError``."""
        return _shared(*_requested(resources), *self[6:])

    def with_tasks(self, tasks: Any) -> Counts:
        """Return the counts after a jobspec-update of *tasks*; raise ``ValueError``."""
        return _shared(*self[:6], _total(tasks), *self[7:])

    def with_constraints(self, constraints: Any) -> Counts:
        """Return the counts after a jobspec-update of the constraints."""
        return _shared(*self[:9], *_limits(constraints))


def _known(count: int) -> int | None:
    return count if 0 < count <= MAX_COUNT else None


@lru_cache(maxsize=65536)
def _shared(*fields: Any) -> Counts:
    return Counts(*fields)


def read_counts(resources: Any, tasks: Any, per_resource: Any, constraints: Any = None) -> Counts:
    """Return the counts of a jobspec; raise ``ValueError`` if it is not a jobspec V1."""
    requested = _requested(resources)
    return _shared(*requested, _total(tasks), *_per(per_resource), *_limits(constraints))


def _limits(constraints: Any) -> tuple[tuple[str, ...], bool]:
    """Return the properties that are the only constraint (RFC 31), and if there is another one."""
    if not constraints:
        return (), False
    names = constraints.get("properties") if isinstance(constraints, dict) else None
    if (
        isinstance(names, list)
        and len(constraints) == 1
        and len(names) <= _MAX_PROPERTIES
        and all(isinstance(name, str) and len(name) <= _MAX_PROPERTY_LENGTH for name in names)
    ):
        return tuple(sorted(names)), False
    return (), True


def _per(option: Any) -> tuple[str | None, int]:
    """Return type and count of the shell option ``per-resource`` (job-list, job_data.c)."""
    if option is None:
        return None, 1
    if isinstance(option, dict):
        kind, count = option.get("type"), option.get("count", 1)
        if isinstance(kind, str) and _is_count(count):
            # The job-list module ignores unknown types.
            return (kind, count) if kind in {"node", "core"} else (None, 1)
    return "?", 1


def _total(tasks: Any) -> int | None:
    """Return ``tasks[0].count.total``, or ``None`` if it is not a number."""
    try:
        total = tasks[0]["count"].get("total")
    except (KeyError, IndexError, TypeError, AttributeError):
        return None
    return total if _is_count(total) else None


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 < value <= MAX_COUNT


_Requested = tuple[int, int, int, bool, bool, int]


def _requested(resources: Any) -> _Requested:
    """Return the nodes, slots and cores of a slot that are requested.

    Two more are true if nodes are exclusive, and if other resources are requested; the last one is
    the number of GPUs. Jobs that request the same share the result.
    """
    text = short_json(resources, _SHARED_BYTES)
    return _walk(resources) if text is None else _walk_text(text)


@lru_cache(maxsize=4096)
def _walk_text(resources: bytes) -> _Requested:
    return _walk(msgspec.json.decode(resources))


def _walk(resources: Any) -> _Requested:
    nodes = slots = slot_size = gpus = read = 0
    exclusive = others = False
    below: list[tuple[int, Any]] = [(1, resources)]
    while below:
        factor, level = below.pop()
        if not isinstance(level, list):
            raise ValueError("a level of resources must be an array")  # noqa: TRY004 - one error
        for vertex in level:
            kind, count = _vertex(vertex)
            read += 1
            if read > _MAX_VERTICES or factor * count > MAX_COUNT:
                raise ValueError("asks for more resources than Flux can count")
            if kind == "node":
                nodes = factor * count
                exclusive = exclusive or bool(vertex.get("exclusive"))
            elif kind == "slot":
                slots = count
            elif kind == "core":
                slot_size = count
            else:
                others = True
                gpus += factor * count if kind == "gpu" else 0
            if "with" in vertex:
                below.append((factor * count, vertex["with"]))
    if slots <= 0 or slot_size <= 0:
        raise ValueError("cannot determine slots and their size")
    return nodes, slots, slot_size, exclusive, others, min(gpus, MAX_COUNT)


def _vertex(vertex: Any) -> tuple[str, int]:
    kind = vertex.get("type") if isinstance(vertex, dict) else None
    count = vertex.get("count") if isinstance(vertex, dict) else None
    if not isinstance(kind, str) or not _is_count(count):
        raise ValueError("a resource must have a type and a count")
    return kind, int(count or 0)

"""Statistics of the instance."""

from __future__ import annotations

from typing import Any

from .record import Record

__all__ = ["Count", "NodeCounts", "Stats"]


class Count(Record, frozen=True):
    """The number of units in total, allocated, and free for a job now."""

    total: int
    allocated: int
    free: int
    up: int
    """On nodes that are up."""


class NodeCounts(Record, frozen=True):
    """Nodes and their resources."""

    total: int
    allocated: int
    free: int
    """Nodes that are up and run no job."""
    states: dict[str, int]
    """By state: up, down, drained, draining, excluded."""
    cores: Count
    gpus: Count
    properties: list[str] | None = None
    """All properties that nodes have; ``None`` if they are not known, or more than a hundred."""


class Stats(Record, frozen=True):
    """Statistics at one moment."""

    total: int
    """All jobs."""
    states: dict[str, int]
    results: dict[str, int]
    events_per_second: float
    submissions_per_second: float
    nodes: NodeCounts | None
    """``None`` if the instance does not report them."""
    queues: list[dict[str, Any]] | None = None
    """As returned by :meth:`AsyncClient.queues`."""
    instances: list[dict[str, Any]] | None = None
    """Jobs that are instances with failures: their ``failed``, ``timed_out`` and ``total`` jobs."""

"""Figures of the instance."""

from __future__ import annotations

from typing import Any

from .record import Record

__all__ = ["Count", "NodeCounts", "Stats"]


class Count(Record, frozen=True):
    """How many there are, how many of them are in use and how many a job can get now."""

    total: int
    allocated: int
    free: int
    up: int
    """On nodes that are up."""


class NodeCounts(Record, frozen=True):
    """Nodes and what they have."""

    total: int
    allocated: int
    free: int
    """Nodes that are up and have no job."""
    states: dict[str, int]
    """By state: up, down, drained, draining, excluded."""
    cores: Count
    gpus: Count


class Stats(Record, frozen=True):
    """Figures of one moment."""

    total: int
    """All jobs."""
    states: dict[str, int]
    results: dict[str, int]
    events_per_second: float
    submissions_per_second: float
    nodes: NodeCounts | None
    """``None`` when the instance does not say."""
    queues: list[dict[str, Any]] | None = None
    """As :meth:`AsyncClient.queues` gives them."""

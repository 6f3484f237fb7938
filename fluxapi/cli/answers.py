"""Responses that a command prints without a class of the client: their types are checked here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from fluxapi.client.body import converted
from fluxapi.client.limits import Moment

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient

__all__ = [
    "Info",
    "InstanceState",
    "JobCounts",
    "Node",
    "Queue",
    "QueueCounts",
    "QueueJobs",
    "Resources",
    "Sizes",
    "Totals",
    "Use",
    "info",
    "instance_state",
    "job_counts",
    "queues",
    "resources",
]


class Use(msgspec.Struct):
    """Cores or GPUs, and how many of them jobs have."""

    total: int
    allocated: int


class Node(msgspec.Struct, omit_defaults=True):
    """One node of ``GET /resources``."""

    rank: int
    name: str
    state: str
    cores: Use
    gpus: Use
    reason: str = ""
    drained_at: Moment | None = None
    allocated: bool = False
    excluded: bool = False
    torpid: bool = False
    unschedulable: bool = False
    properties: list[str] = []


class Totals(msgspec.Struct):
    """The sums over all nodes."""

    nodes: int
    cores: Use
    gpus: Use


class Resources(msgspec.Struct):
    """The response of ``GET /resources``."""

    nodes: list[Node]
    totals: Totals


class Sizes(msgspec.Struct):
    """Counts of nodes, cores and GPUs; ``None`` is not limited."""

    nodes: int | None = None
    cores: int | None = None
    gpus: int | None = None


class QueueJobs(msgspec.Struct):
    """The active jobs of a queue; ``mine`` are the pending ones of the sender."""

    pending: int
    running: int
    waiting: int
    mine: int
    oldest_submit: Moment | None = None
    median_wait: float | None = None
    recent_starts: int = 0
    recent_median_wait: float | None = None


class Queue(msgspec.Struct):
    """One queue of ``GET /queues``."""

    name: str
    enabled: bool
    started: bool
    default: bool
    disable_reason: str = ""
    stop_reason: str = ""
    requires: list[str] = []
    default_duration: float | None = None
    max_duration: float | None = None
    min_size: Sizes = msgspec.field(default_factory=Sizes)
    max_size: Sizes = msgspec.field(default_factory=Sizes)
    jobs: QueueJobs | None = None
    nodes: Use | None = None
    cores: Use | None = None


class Info(msgspec.Struct):
    """The part of ``GET /`` that commands show."""

    instance: str = ""
    version: str = ""
    hostname: str = ""
    size: int = 0
    owner: str = ""
    starttime: Moment = 0.0
    capabilities: dict[str, Any] = {}


class QueueCounts(msgspec.Struct):
    """The number of jobs of one queue, by state and by result."""

    states: dict[str, int]
    results: dict[str, int]


class JobCounts(msgspec.Struct):
    """The response of ``GET /stats``."""

    states: dict[str, int]
    results: dict[str, int]
    by_queue: dict[str, QueueCounts] = {}


class InstanceState(msgspec.Struct):
    """The part of ``GET /instances/PATH`` that says whether the instance answers."""

    state: str = ""
    lost_since: Moment | None = None
    t_end: Moment | None = None


async def resources(flux: AsyncClient) -> Resources:
    """Return the nodes and their sums; raise ``ClientError``."""
    return converted(await flux.resources(), Resources)


async def queues(flux: AsyncClient) -> list[Queue]:
    """Return the queues and their limits; raise ``ClientError``."""
    return converted(await flux.queues(), list[Queue])


async def info(flux: AsyncClient) -> Info:
    """Return information about the service; raise ``ClientError``."""
    return converted(await flux.info(), Info)


async def instance_state(flux: AsyncClient, path: str) -> InstanceState:
    """Return the state of the instance at *path*, or of the root; raise ``ClientError``."""
    if path:
        return converted(await flux.instance(path), InstanceState)
    root = await flux.instances(limit=1)
    return converted(root[0] if root else {}, InstanceState)


async def job_counts(flux: AsyncClient) -> JobCounts:
    """Return the number of jobs by state and by result; raise ``ClientError``."""
    return converted(await flux.stats(), JobCounts)

"""The latest start of the first job in line, from the table and from the nodes as read last.

Nothing here calls Flux: the nodes and queues are those of a moment ago.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from operator import and_
from typing import Any, NamedTuple, Protocol

from fluxapi.model.counts import Counts
from fluxapi.model.idset import IdSet
from fluxapi.model.job import GROUPS, Job
from fluxapi.model.latest_start import Held, Place, latest_start
from fluxapi.process.shared_value import SharedValue
from fluxapi.table.table import Table

from .queue_loads import first_in_line, is_estimated, order_of
from .queue_shares import bits_of

__all__ = ["FirstStart"]

_KEPT_S = 1.0
_MAX_RUNNING = 1000
"""Running jobs whose limits are examined; with more, no time is given."""

_Properties = frozenset[str]


class Known(Protocol):
    """The queues and nodes of an instance as they were read last."""

    @property
    def queues(self) -> list[dict[str, Any]] | None:
        """Return the queues as the API describes them, or ``None``."""

    @property
    def last_nodes(self) -> dict[str, Any] | None:
        """Return the response of ``GET /resources``, or ``None``."""


class _First(NamedTuple):
    """The first job in line, with the properties of its queue and of others with waiting jobs."""

    job: Job
    counts: Counts
    requires: _Properties
    others: Sequence[_Properties]


class _Bound(NamedTuple):
    jobid: int
    time: float | None


class FirstStart:
    """Computes when the first of all jobs that wait for resources starts at the latest.

    Args:
        table: The jobs of the instance.
        known: Its queues and nodes.
    """

    def __init__(self, table: Table, known: Known) -> None:
        self._table = table
        self._known = known
        self._bound = SharedValue(self._read, _KEPT_S)

    async def of(self, job: Job) -> float | None:
        """Return when *job* starts at the latest, if no job comes before it and no node goes down.

        The time is infinite if it waits for running jobs that have no time limit. The return value
        is ``None`` for a job that is not the first in line, and if nothing is known.
        """
        bound = await self._bound.get()
        return bound.time if bound is not None and bound.jobid == job.id else None

    async def aclose(self) -> None:
        """Cancel the computations in progress."""
        await self._bound.aclose()

    async def _read(self) -> _Bound | None:
        first = self._first()
        held = None if first is None else self._held()
        if first is None or held is None:
            return None
        # The nodes of a large instance take milliseconds.
        time = await asyncio.to_thread(self._compute, first, held)
        return _Bound(first.job.id, time)

    def _first(self) -> _First | None:
        """Return the first of all jobs in line: the queues may have one line, or one each.

        The return value is ``None`` if the scheduler has estimated its start, and if it may run on
        some nodes only for a reason that is not known here.
        """
        requires = {
            queue["name"]: frozenset(queue.get("requires", ()))
            for queue in self._known.queues or ()
            if queue["started"]
        }
        firsts = [
            job
            for queue, jobid in first_in_line(self._table).items()
            if queue in requires and (job := self._table.get(jobid)) is not None
        ]
        if not firsts:
            return None
        job = min(firsts, key=order_of)
        counts = job.counts
        if is_estimated(job) or counts is None or counts.others or counts.constrained:
            return None
        others = [requires[it.queue] for it in firsts if it is not job]
        return _First(job, counts, requires[job.queue], others)

    def _held(self) -> list[Held] | None:
        """Return the resources of the running jobs; ``None`` if not known, or too many."""
        states = [self._table.index.state.get(state, ()) for state in GROUPS["RUNNING"]]
        if sum(map(len, states)) > _MAX_RUNNING:
            return None
        found: list[Held] = []
        for jobid in (jobid for ids in states for jobid in ids):
            job = self._table.get(jobid)
            if job is None or job.allocation is None:
                return None
            try:
                ranks = IdSet.parse(job.allocation.ranks)
            except ValueError:
                return None
            found.append(Held(ranks, job.allocation.ncores, _end(job)))
        return found

    def _compute(self, first: _First, held: Sequence[Held]) -> float | None:
        nodes = (self._known.last_nodes or {}).get("nodes", ())
        if _are_shared(nodes, first.requires, first.others):
            # Jobs of another queue may take what becomes free.
            return None
        needed = first.requires.union(first.counts.properties)
        return latest_start(first.counts, dict(_places(nodes, needed)), held)


def _end(job: Job) -> float | None:
    """Return when the limit of a running job ends; ``None`` if it only has to clean up."""
    if job.state != "RUN":
        return None
    # The limit of a running job can be changed, which moves only its expiration.
    return job.expiration or (job.t_run + job.duration if job.duration else math.inf)


def _are_shared(
    nodes: Sequence[Mapping[str, Any]], requires: _Properties, others: Sequence[_Properties]
) -> bool:
    """Return whether a node has the properties of a queue, and those of another one.

    Each node is examined once, however many queues there are.
    """
    having: dict[str, list[int]] = {name: [] for other in others for name in other}
    count = 0
    for node in nodes if others else ():
        properties = frozenset(node.get("properties", ()))
        if requires <= properties:
            for name in properties & having.keys():
                having[name].append(count)
            count += 1
    members = {name: bits_of(numbers, count) for name, numbers in having.items()}
    every = (1 << count) - 1
    return any(reduce(and_, (members[name] for name in other), every) for other in others)


def _places(nodes: Sequence[Mapping[str, Any]], needed: _Properties) -> Iterator[tuple[int, Place]]:
    """Yield the nodes that start jobs and have certain properties, by rank."""
    for node in nodes:
        if (
            node["state"] == "up"
            and "unschedulable" not in node
            and needed.issubset(node.get("properties", ()))
        ):
            yield node["rank"], Place(node["cores"]["total"], node["allocated"])

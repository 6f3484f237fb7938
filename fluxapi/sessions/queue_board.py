"""The queues with their policy, their jobs, their nodes and their cores."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from typing import Any

from fluxapi.errors import FluxapiError
from fluxapi.instance.nodes import nodes_and_totals
from fluxapi.instance.protocol import ResourceInfo
from fluxapi.model.job import Job
from fluxapi.process.shared_value import SharedValue
from fluxapi.security.principal import Principal
from fluxapi.table.table import Table

from .first_start import FirstStart
from .own_jobs import owner_test
from .queue_loads import QueueLoad, is_held, read_loads
from .queue_shares import shares_of
from .situation import SituationMonitor, describe_policy, describe_queue

__all__ = ["QueueBoard"]

_KEPT_S = 1.0
"""Time for which counts are shared; many readers may watch the queues."""

_NODES_KEPT_S = 2.0


class QueueBoard:
    """The queues of one instance, as their page and ``GET /queues`` show them.

    Args:
        instance: Knows the queues and the nodes.
        table: The jobs of the instance.
        owner: The user ID of the owner of the instance.
        is_reading: Returns whether jobs may be missing in the table.
        observer: Has the queues and nodes as they were a moment ago, if anybody has asked.
    """

    def __init__(
        self,
        instance: ResourceInfo,
        table: Table,
        owner: int,
        is_reading: Callable[[], bool],
        observer: SituationMonitor,
    ) -> None:
        self._instance = instance
        self._observer = observer
        self._first_start = FirstStart(table, observer)
        self._owner = owner
        self._is_reading = is_reading
        self._loads = SharedValue(lambda: read_loads(table, time.time()), _KEPT_S)
        self._nodes = SharedValue(lambda: nodes_and_totals(instance), _NODES_KEPT_S)
        self._queues = SharedValue(instance.queues, _KEPT_S)
        # For many nodes and queues, this takes seconds, so readers share the result.
        self._shares = SharedValue(self._read_shares, 0.0)

    async def rows(self, reader: Principal, *, shared: bool = False) -> list[dict[str, Any]]:
        """Return the queues as the API describes them to a reader.

        Jobs are absent while the table is incomplete, and nodes while they are not known.

        Args:
            reader: Whose jobs are counted as their own.
            shared: The state of the queues may be a moment old, so that many readers share one
                request to Flux for each queue.

        Raises:
            InstanceUnavailable: The instance does not report its queues.
        """
        owns = owner_test(reader, self._owner)
        queues = await (self._queues.get() if shared else self._instance.queues())
        rows = [describe_policy(queue) for queue in queues]
        if not self._is_reading():
            loads, now = await self._loads.get(), time.time()
            for row in rows:
                load = loads.get(row["name"], _EMPTY)
                row["jobs"] = _described(load, now, owns) | _recent(load)
        try:
            shares = await self._shares.get()
        except FluxapiError:
            return rows
        return [row | shares.get(row["name"], {}) for row in rows]

    async def _read_shares(self) -> dict[str, dict[str, Any]]:
        """Return the nodes of each queue, for all readers at once."""
        nodes = (await self._nodes.get())["nodes"]
        queues = await self._queues.get()
        loads = {} if self._is_reading() else await self._loads.get()
        running = {name for name, load in loads.items() if load.running}
        return await asyncio.to_thread(shares_of, queues, nodes, running)

    async def holding(self, reader: Principal, *, is_known: bool = False) -> list[dict[str, Any]]:
        """Return the queues that are stopped or disabled and have pending jobs of the reader.

        Flux is not asked while a job waits for resources, since the answer is known then.

        Args:
            reader: Whose jobs count.
            is_known: Return nothing if the answer is not known, and do not ask Flux.

        Raises:
            InstanceUnavailable: The queues are not known, and the instance does not report them.
        """
        queues = self._observer.queues
        if queues is None and is_known:
            return []
        if queues is None:
            queues = [describe_queue(queue) for queue in await self._instance.queues()]
        closed = [queue for queue in queues if not (queue["started"] and queue["enabled"])]
        if not closed:
            return []
        owns = owner_test(reader, self._owner)
        loads, now = await self._loads.get(), time.time()
        rows = [
            queue | {"jobs": _described(loads.get(queue["name"], _EMPTY), now, owns)}
            for queue in closed
        ]
        return [row for row in rows if row["jobs"]["mine"]]

    async def line(self, job: Job) -> dict[str, Any] | None:
        """Return the place of a job among the jobs of its queue that wait for resources.

        It comes from the table, and may be a moment old. The return value is ``None`` for a job
        that waits for something else, and while jobs may be missing in the table.
        """
        if job.state != "SCHED" or is_held(job) or self._is_reading():
            return None
        load = (await self._loads.get()).get(job.queue, _EMPTY)
        place = load.place(job)
        line = {
            "place": place,
            "waiting": max(len(load.line), place),
            "has_estimates": load.has_estimates,
        }
        latest = await self._first_start.of(job) if place == 1 else None
        if latest is None:
            return line
        return line | ({"is_unbounded": True} if math.isinf(latest) else {"latest_start": latest})

    async def aclose(self) -> None:
        """Cancel the requests in progress."""
        await self._first_start.aclose()
        await self._shares.aclose()
        await self._loads.aclose()
        await self._nodes.aclose()
        await self._queues.aclose()


_EMPTY = QueueLoad()


def _described(load: QueueLoad, now: float, owns: Callable[[int], bool]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "pending": sum(load.pending.values()),
        "running": load.running,
        "waiting": len(load.submits),
        "mine": sum(count for userid, count in load.pending.items() if owns(userid)),
    }
    oldest, median = load.oldest, load.median_wait(now)
    if oldest is not None and median is not None:
        found |= {"oldest_submit": oldest, "median_wait": median}
    return found


def _recent(load: QueueLoad) -> dict[str, Any]:
    wait = load.recent_median
    if wait is None:
        return {}
    return {"recent_starts": len(load.recent_waits), "recent_median_wait": wait}

"""The task that samples the figures of an instance for the history."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from fluxapi.archive.samples import Sample, SampleMerger
from fluxapi.model.job import GROUPS
from fluxapi.process.background import BackgroundTask
from fluxapi.process.timeslice import TimeSlice
from fluxapi.table.job_lists import slices
from fluxapi.table.table import Table

from .situation import SituationMonitor

__all__ = ["HistorySampler"]

_INTERVAL_S = 10.0


class HistorySampler(BackgroundTask):
    """A task that reads the table and known responses of Flux, and sends no requests.

    While no client needs the nodes, their states are not known; the cores in use are those of the
    running jobs.

    Args:
        table: The jobs of the instance.
        situation: Knows its nodes while they are asked for.
        is_current: Returns whether both are up to date.
        store: A function that is called with each sample.
    """

    def __init__(
        self,
        table: Table,
        situation: SituationMonitor,
        is_current: Callable[[], bool],
        store: Callable[[Sample], object],
    ) -> None:
        super().__init__("sampler of the history")
        self._table = table
        self._situation = situation
        self._is_current = is_current
        self._store = store
        self._merger = SampleMerger()
        self._totals: tuple[float | None, ...] = (None, None, None)

    async def run(self) -> None:
        """Take a sample at each interval."""
        try:
            while True:
                await self.sample(time.time())
                await asyncio.sleep(_INTERVAL_S)
        finally:
            self._put(self._merger.finish())

    async def sample(self, now: float) -> None:
        """Take the figures as they are *now*; a figure that is not current leaves a gap."""
        if self._is_current():
            self._put(self._merger.take(now, await self._figures()))
        else:
            self._put(self._merger.finish())

    def _put(self, sample: Sample | None) -> None:
        if sample is not None:
            self._store(sample)

    async def _figures(self) -> tuple[float | None, ...]:
        """Return the figures in the order of :data:`fluxapi.archive.samples.FIGURES`."""
        states = self._table.index.state
        pending, running = (
            sum(len(states.get(state, ())) for state in GROUPS[kind])
            for kind in ("PENDING", "RUNNING")
        )
        nodes = self._situation.nodes
        if nodes is not None:
            self._totals = (nodes["total"], nodes["cores"]["total"], nodes["gpus"]["total"])
            return (pending, running, *_described(nodes))
        in_use = await self._cores_in_use()
        all_nodes, cores, gpus = self._totals
        unknown = None
        return (
            *(pending, running, all_nodes, unknown, unknown, unknown, unknown),
            *(cores, unknown, in_use, gpus, unknown, unknown),
        )

    async def _cores_in_use(self) -> int:
        table, turn, cores = self._table, TimeSlice(), 0
        for state in GROUPS["RUNNING"]:
            for ids in slices(table.index.state, state):
                for jobid in ids:
                    await turn.share()
                    job = table.get(jobid)
                    if job is not None and job.allocation is not None:
                        cores += job.allocation.ncores
        return cores


def _described(nodes: dict[str, Any]) -> tuple[float, ...]:
    states = nodes["states"]
    drained = states.get("drained", 0) + states.get("draining", 0)
    found: list[float] = [
        nodes["total"], states.get("up", 0), nodes["allocated"], drained, states.get("down", 0),
    ]  # fmt: skip
    for kind in ("cores", "gpus"):
        found += (nodes[kind]["total"], nodes[kind]["up"], nodes[kind]["allocated"])
    return tuple(found)

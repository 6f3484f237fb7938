"""The cores in use over time, from the samples of the history or from the jobs."""

from __future__ import annotations

import time
from collections import OrderedDict
from itertools import islice
from typing import Any

from fluxapi.archive.span import Span
from fluxapi.model.occupancy import Occupancy
from fluxapi.process.shared_value import SharedValue
from fluxapi.process.timeslice import TimeSlice
from fluxapi.table.table import Table

from .node_jobs import NodeJobs, run_of

__all__ = ["UseReader"]

_KEPT_S = 10.0
_MAX_KEPT = 16
_MAX_JOBS = 100_000
"""Jobs that are examined, the newest."""


class UseReader:
    """Computes the cores in use in one instance from when its jobs ran.

    Args:
        table: The jobs of the instance.
        node_jobs: Reads the jobs of single nodes.
        starttime: When the instance started; nothing was in use before.
    """

    def __init__(self, table: Table, node_jobs: NodeJobs, starttime: float) -> None:
        self._table = table
        self._node_jobs = node_jobs
        self._starttime = starttime
        self._kept: OrderedDict[tuple[float, float, int], SharedValue[list[dict[str, Any]]]]
        self._kept = OrderedDict()
        self._replaced: list[SharedValue[list[dict[str, Any]]]] = []
        """Tasks that are no longer kept, but that a request waits for."""

    async def of_instance(self, span: Span) -> list[dict[str, Any]]:
        """Return the steps of a time range; requests for the same range share them for a moment."""
        key = (span.begin, span.step, len(span.steps))
        shared = self._kept.get(key)
        if shared is None:
            # A client may ask for any number of ranges, so each takes the turns of its client.
            shared = SharedValue(lambda: self._compute(span), _KEPT_S, for_all=False)
            self._kept[key] = shared
            if len(self._kept) > _MAX_KEPT:
                self._replaced.append(self._kept.popitem(last=False)[1])
                self._replaced = [one for one in self._replaced if one.is_busy]
        return await shared.get()

    async def _compute(self, span: Span) -> list[dict[str, Any]]:
        found = Occupancy(span.begin, span.step, span.until)
        turn = TimeSlice()
        now = time.time()
        # The table changes whenever other tasks run.
        for jobid in list(islice(reversed(self._table.index.all), _MAX_JOBS)):
            await turn.share()
            job = self._table.get(jobid)
            if job is not None and job.t_run and job.allocation is not None:
                found.add(job.t_run, job.t_cleanup or job.t_inactive or now, job.allocation.ncores)
        return self._steps(found, span)

    async def of_node(self, name: str, rank: int | None, span: Span) -> dict[str, Any]:
        """Return the steps of a time range for one node, and whether jobs may be missing."""
        jobs = await self._node_jobs.read(name, rank)
        found = Occupancy(span.begin, span.step, span.until)
        turn = TimeSlice()
        now = time.time()
        for record in (*jobs.running, *jobs.ended):
            await turn.share()
            run = run_of(record, now, name, rank)
            if run is not None:
                found.add(*run)
        return {"steps": self._steps(found, span), "is_cut": jobs.is_cut or bool(jobs.problem)}

    def _steps(self, found: Occupancy, span: Span) -> list[dict[str, Any]]:
        return [
            {"time": begin, "allocated": round(cores, 6)}
            if begin + span.step > self._starttime
            else {"time": begin}
            for begin, cores in found.averages()
        ]

    async def aclose(self) -> None:
        """Cancel the computations in progress."""
        for shared in (*self._kept.values(), *self._replaced):
            await shared.aclose()

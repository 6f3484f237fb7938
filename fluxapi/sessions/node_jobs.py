"""The jobs that run or have run on a node, from the table and the history."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from fluxapi.archive.listing import Scope
from fluxapi.errors import HistoryUnavailable
from fluxapi.model.hostlist import count_host
from fluxapi.model.idset import IdSet
from fluxapi.model.job import GROUPS
from fluxapi.process.timeslice import TimeSlice
from fluxapi.table.query import JobQuery, page
from fluxapi.table.table import Table

from .past_jobs import PastJobs

__all__ = ["NodeJobList", "NodeJobs", "run_of"]

_MAX_RUNNING = 1000
_MAX_ENDED = 500
"""Ended jobs that are read, the newest."""

Record = Mapping[str, Any]
"""The record of a job, see :mod:`fluxapi.model.record`."""


@dataclass(frozen=True)
class NodeJobList:
    """The jobs of one node, newest first.

    Attributes:
        running: Records of the jobs that run.
        ended: Records of jobs that have ended.
        is_cut: More jobs have ended than were read.
        problem: The reason why the history could not be read; empty if it was read, or if there is
            none.
    """

    running: list[Record]
    ended: list[Record]
    is_cut: bool = False
    problem: str = ""


class NodeJobs:
    """Reads the jobs of single nodes of one instance."""

    def __init__(self, table: Table, past: PastJobs) -> None:
        self._table = table
        self._past = past

    async def read(self, name: str, rank: int | None = None) -> NodeJobList:
        """Return the jobs of a host, or of one of the brokers on it, if several share its name."""
        states = frozenset(GROUPS["RUNNING"])
        running = await page(self._table, JobQuery(node=name, states=states), limit=_MAX_RUNNING)
        query = JobQuery(node=name, states=frozenset({"INACTIVE"}))
        problem = ""
        records: list[bytes] = []
        following = None
        if self._past.stored is not None:
            try:
                records, following = await self._past.listing().page(Scope(), query, _MAX_ENDED)
            except HistoryUnavailable as error:
                problem = error.detail
        if self._past.stored is None or problem:
            ended = await page(self._table, query, limit=_MAX_ENDED)
            following = ended.next
            records = await self._encoded(ended.ids)
        return NodeJobList(
            await _decoded(await self._encoded(running.ids), rank),
            await _decoded(records, rank),
            is_cut=following is not None,
            problem=problem,
        )

    async def _encoded(self, ids: list[int]) -> list[bytes]:
        turn = TimeSlice()
        records = []
        for jobid in ids:
            await turn.share()
            if jobid in self._table:
                records.append(self._table.encode(jobid))
        return records


async def _decoded(records: list[bytes], rank: int | None) -> list[Record]:
    """Return the records of jobs on a broker, or of all if *rank* is ``None``."""
    turn = TimeSlice()
    kept: list[Record] = []
    for text in records:
        await turn.share()
        record: Record = msgspec.json.decode(text)
        if rank is None or _is_on(record, rank):
            kept.append(record)
    return kept


def _is_on(record: Record, rank: int) -> bool:
    try:
        return rank in IdSet.parse(record.get("ranks", ""))
    except ValueError:  # The record in the history is damaged.
        return False


def run_of(
    record: Record, now: float, name: str, rank: int | None = None
) -> tuple[float, float, float] | None:
    """Return when a job started and stopped running, and its cores on a host or one of its brokers.

    R is not known here, so the cores of a job are divided evenly among its brokers; a host has
    the share of each of its own.
    """
    begin = record.get("t_run")
    if begin is None:
        return None
    end = record.get("t_cleanup", record.get("t_inactive", math.nan))
    cores = record.get("ncores", 0) / max(record.get("nnodes", 1), 1)
    brokers = 1 if rank is not None else _count_brokers(record, name)
    return begin, now if math.isnan(end) else end, cores * brokers


def _count_brokers(record: Record, name: str) -> int:
    """Return on how many brokers of a host one of its jobs runs, at least one."""
    try:
        return max(count_host(record.get("nodelist", ""), name), 1)
    except ValueError:
        return 1

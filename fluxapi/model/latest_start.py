"""The latest start of the first job in line, by the time limits of the jobs that run.

A scheduler reserves what becomes free for the first job in line, or waits until that job fits. So
the job starts at the latest once enough running jobs have reached their time limits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from .counts import Counts
from .idset import IdSet

__all__ = ["MAX_HOLDS", "Held", "Place", "latest_start"]

MAX_HOLDS = 20_000
"""Nodes of all running jobs together that are looked at, which takes about 20 ms."""


class Place(NamedTuple):
    """A node on which the job may run: its cores, and whether something holds some of them."""

    cores: int
    allocated: bool


class Held(NamedTuple):
    """The ranks and cores that a running job holds, and when its time limit ends.

    ``end`` is infinite for a job without a limit, and ``None`` if the end is not known.
    """

    ranks: IdSet
    ncores: int
    end: float | None


def latest_start(counts: Counts, places: Mapping[int, Place], held: Iterable[Held]) -> float | None:
    """Return when a job fits at the latest if no other job takes what becomes free.

    Each running job holds its cores until its time limit ends. How the cores of a job on several
    nodes are divided is not known, so each of its nodes counts as if it had as many as possible.

    Args:
        counts: The request of the job.
        places: The nodes on which it may run, by rank.
        held: The resources of the running jobs.

    Returns:
        The time; infinity if the job waits for running jobs without a limit; ``None`` if nothing is
        known, or if the job fits already.
    """
    rooms = {rank: _Room(place.cores) for rank, place in places.items()}
    ends: list[tuple[float, int, int]] = []
    is_held: set[int] = set()
    left = MAX_HOLDS
    for job in held:
        left -= len(job.ranks)
        if left < 0:
            return None
        most = job.ncores - len(job.ranks) + 1
        for rank in job.ranks:
            room = rooms.get(rank)
            if room is None:
                continue
            is_held.add(rank)
            room.take(most)
            if job.end is not None:
                ends.append((job.end, rank, most))
    for rank, place in places.items():
        if place.allocated and rank not in is_held:
            # Such as the housekeeping of a job that has ended.
            rooms[rank].take(place.cores)
    return _first_fit(_Need(counts), rooms, ends)


class _Room:
    """The cores of one node that are free."""

    __slots__ = ("cores", "jobs", "used")

    def __init__(self, cores: int) -> None:
        self.cores = cores
        self.jobs = self.used = 0

    @property
    def free(self) -> int:
        return max(self.cores - self.used, 0)

    def take(self, cores: int) -> None:
        self.jobs += 1
        self.used += cores

    def give(self, cores: int) -> None:
        self.jobs -= 1
        self.used -= cores


class _Need:
    """The need of a job, as a count to which each node contributes."""

    def __init__(self, counts: Counts) -> None:
        self._by_node = counts.nodes > 0
        self._whole = counts.exclusive
        self._cores = counts.slot_size * (counts.slots if counts.nodes else 1)
        self.count = counts.nodes or counts.slots

    def on(self, room: _Room) -> int:
        """Return what a node contributes."""
        if self._whole and room.jobs:
            return 0
        fits = room.free // self._cores
        return min(fits, 1) if self._by_node else fits


def _first_fit(
    need: _Need, rooms: Mapping[int, _Room], ends: list[tuple[float, int, int]]
) -> float | None:
    found = {rank: need.on(room) for rank, room in rooms.items()}
    total = sum(found.values())
    if total >= need.count:
        return None
    ends.sort()
    for end, rank, cores in ends:
        rooms[rank].give(cores)
        more = need.on(rooms[rank])
        total += more - found[rank]
        found[rank] = more
        if total >= need.count:
            return end
    return None

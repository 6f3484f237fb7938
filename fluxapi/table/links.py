"""The dependencies between the jobs of a table, in both directions."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from fluxapi.model.job import Job
from fluxapi.process.timeslice import TimeSlice

__all__ = ["Graph", "Link", "Links"]

_MAX_NEIGHBORS = 64
"""Jobs that are examined before and after each job of a graph."""


class Link(NamedTuple):
    """A dependency: *job* was submitted to wait for *target*."""

    job: int
    target: int
    scheme: str


class Graph(NamedTuple):
    """The jobs that one job waits for, and those that wait for it, directly or not.

    ``is_cut``: there are more jobs than the graph has.
    """

    jobs: list[int]
    links: list[Link]
    is_cut: bool


class Links:
    """The jobs that were submitted to wait for each job."""

    def __init__(self) -> None:
        # A dictionary, since very many jobs may wait for one job, and each is removed on its own.
        self._waiting: dict[int, dict[int, None]] = {}

    def add(self, job: Job) -> None:
        """Add the dependencies of a new job."""
        for target, _ in job.after:
            self._waiting.setdefault(target, {})[job.id] = None

    def remove(self, job: Job) -> None:
        """Remove the dependencies of a job that leaves the table."""
        for target, _ in job.after:
            waiting = self._waiting.get(target)
            if waiting is not None:
                waiting.pop(job.id, None)
                if not waiting:
                    del self._waiting[target]

    def count(self, target: int) -> int:
        """Return how many jobs were submitted to wait for a job."""
        return len(self._waiting.get(target, ()))

    def waiting(self, target: int) -> Iterable[int]:
        """Return the jobs that were submitted to wait for a job."""
        return self._waiting.get(target, ())

    def graph(self, find: Callable[[int], Job | None], jobid: int, most: int) -> Graph:
        """Return the graph of at most *most* jobs around one, by ID: a job comes after its targets.

        Args:
            find: Returns a job of the table, or ``None``.
            jobid: The job.
            most: The limit of jobs.
        """
        found = {jobid}
        is_cut = any([*self._walk(find, found, most)])
        jobs = sorted(found)
        links = [
            Link(job.id, target, scheme)
            for job in map(find, jobs)
            if job is not None
            for target, scheme in job.after
            if target in found
        ]
        return Graph(jobs, links, is_cut)

    async def around(
        self, find: Callable[[int], Job | None], jobid: int, most: int
    ) -> tuple[list[int], bool]:
        """Return the jobs of :meth:`graph`, and whether there are more; other tasks run in between.

        A job may leave the table meanwhile.
        """
        found, is_cut, turn = {jobid}, False, TimeSlice()
        for is_more in self._walk(find, found, most):
            is_cut = is_cut or is_more
            await turn.share()
        return sorted(found), is_cut

    def _walk(
        self, find: Callable[[int], Job | None], found: set[int], most: int
    ) -> Iterator[bool]:
        """Add the jobs around the only one of *found* to it, until it has *most*.

        Yields:
            After each job, whether it has a neighbor for which there is no room.
        """

        def targets(one: int) -> Iterable[int]:
            job = find(one)
            return [target for target, _ in job.after] if job is not None else ()

        begin = tuple(found)
        for neighbors in (targets, self.waiting):
            ahead = deque(begin)
            while ahead:
                is_cut = False
                for one in islice(neighbors(ahead.popleft()), _MAX_NEIGHBORS):
                    if one in found:
                        continue
                    if len(found) >= most:
                        is_cut = True
                        break
                    found.add(one)
                    ahead.append(one)
                yield is_cut

"""The limit of the dependencies of all jobs that wait for other jobs.

Flux keeps those of all jobs in one list, and looks for each from the beginning of it when its job
is started, canceled or refused (flux-core, job-manager/plugins/dependency-after.c). With 25,000,
the cancellation of their jobs occupies the job manager for 12 seconds. When a job ends for which
10,000 wait, each of these is looked for among those that wait for others, which are before it. Jobs
that end together, such as those that are canceled by one request, take their sum.
"""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

from fluxapi.errors import FluxapiError, FluxRefused
from fluxapi.model.after import read_unmet
from fluxapi.model.submission import Submission
from fluxapi.process.timeslice import TimeSlice
from fluxapi.table.table import Table

from .chain_limit import ChainLimit, refusal
from .dependency_counts import DependencyCounts, Targets

__all__ = ["MAX_OTHERS", "MAX_SINGLETONS", "MAX_STEPS", "MAX_WAITING", "DependencyLimit"]

MAX_WAITING = 10_000
"""Limit of the dependencies that wait, beyond which no job of many is taken."""

MAX_OTHERS = 25_000
"""Limit of those on other jobs, beyond which no job that waits for a job is taken."""

MAX_STEPS = 50_000_000
"""Limit of the steps if all jobs end together for which many wait: each of these is looked for
among all that wait for other jobs. It is 3 s."""

MAX_SINGLETONS = 10_000
"""Limit of the jobs that wait for others of their name, with ``singleton``. Flux walks through all
of them whenever a job of that name ends (job-manager/plugins/dependency-singleton.c).
"""

_FEW = 4
"""Dependencies of a job that is taken beyond the first limit: thousands may wait for one job."""

_UNCOUNTED = 100
"""Jobs by which a count may be wrong, so that those that come and go do not cause another one."""

_UnderWay = Counter[tuple[Targets, int, str]]
"""How many jobs with such targets, so many dependencies and such a name of ``singleton`` are being
submitted.
"""


class DependencyLimit:
    """Counts the dependencies of the jobs of a table, and of those that are being submitted."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._chains = ChainLimit(table)
        self._counts = DependencyCounts()
        self._counted = 0
        """Jobs of the table that waited when they were counted."""
        self._changed = 0
        """Jobs that were counted since, or are no more under way."""
        self._under_way: dict[int, _UnderWay] = {}
        self._many_under_way = 0

    def counts(self, submission: Submission) -> bool:
        """Return whether a job is one of many dependencies, which the table should have soon."""
        return submission.dependencies > _FEW

    def note(self, submissions: Iterable[Submission], answers: Iterable[int | object]) -> None:
        """Note the IDs of jobs that were sent, which the table may not have yet."""
        self._chains.note(submissions, answers)

    @asynccontextmanager
    async def admit(self, submissions: Sequence[Submission]) -> AsyncIterator[_Refused]:
        """Yield the errors of the jobs that have too many dependencies, by their places.

        Those of the others count until the context is left; the table should have the jobs then.
        """
        refused: _Refused = {}
        if not any(one.dependencies for one in submissions):
            yield refused
            return
        taken: _UnderWay = Counter()
        self._under_way[id(taken)] = taken
        many = 0
        try:
            await self._count()
            left = MAX_WAITING - self._waiting() if any(map(self.counts, submissions)) else 0
            checked: set[int] = set()
            turn = TimeSlice()
            for place, one in enumerate(submissions):
                await turn.share()
                if self.counts(one) and one.dependencies > left - self._many_under_way:
                    refused[place] = _refusal(MAX_WAITING, _FEW)
                elif one.chained and self._chains.is_long(one, checked):
                    refused[place] = refusal()
                elif one.after and self._is_late(one):
                    refused[place] = _refusal(MAX_OTHERS, 0)
                elif self._counts.singletons[one.singleton] >= MAX_SINGLETONS:
                    refused[place] = _refusal_of_singleton()
                elif one.dependencies:
                    self._counts.add(one.after, one.dependencies, singleton=one.singleton)
                    self._changed += 1
                    taken[one.after, one.dependencies, one.singleton] += 1
                    if self.counts(one):
                        many += one.dependencies
                        self._many_under_way += one.dependencies
            yield refused
        finally:
            del self._under_way[id(taken)]
            self._many_under_way -= many
            self._changed += sum(taken.values())

    def _is_late(self, submission: Submission) -> bool:
        """Return whether a job may not wait beside the dependencies that there are."""
        targets, dependencies = submission.after, submission.dependencies
        return (
            self._counts.most_others(targets) > MAX_OTHERS
            or self._counts.steps_with(targets, dependencies) > MAX_STEPS
        )

    async def _count(self) -> None:
        """Count the dependencies of the table again, if their number may have changed much."""
        waiting = self._table.index.state.get("DEPEND", ())
        change = max(abs(len(waiting) - self._counted), self._changed)
        if change <= max(len(waiting) // 10, _UNCOUNTED):
            return
        jobs = list(waiting)
        self._counted, self._changed = len(jobs), 0
        counts = DependencyCounts()
        turn = TimeSlice()
        for job in map(self._table.get, jobs):
            await turn.share()
            if job is not None and job.state == "DEPEND":
                unmet = {target for target, _ in read_unmet(job.dependencies)}
                singleton = job.name if "singleton" in job.dependencies else ""
                counts.add(tuple(sorted(unmet)), len(job.dependencies), singleton=singleton)
        for taken in tuple(self._under_way.values()):
            for (targets, dependencies, name), number in tuple(taken.items()):
                await turn.share()
                counts.add(targets, dependencies, number, singleton=name)
        self._counts = counts

    def _waiting(self) -> int:
        """Return how many dependencies the jobs of the table wait for; few jobs are looked at."""
        waiting = 0
        for jobid in self._table.index.state.get("DEPEND", ()):
            job = self._table.get(jobid)
            waiting += 0 if job is None else len(job.dependencies)
            if waiting > MAX_WAITING:
                break
        return waiting


_Refused = dict[int, FluxapiError]


def _refusal(limit: int, few: int) -> FluxRefused:
    words = f"the jobs that wait for others have about {limit} dependencies; submit this one later"
    if few:
        words += f", or with at most {few} dependencies"
    return FluxRefused(words, errno=errno.ENOSPC)


def _refusal_of_singleton() -> FluxRefused:
    words = f"about {MAX_SINGLETONS} jobs of this name wait with singleton; submit this one later"
    return FluxRefused(words, errno=errno.ENOSPC)

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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from fluxapi.errors import FluxapiError, FluxRefused
from fluxapi.model.submission import Submission
from fluxapi.table.table import Table

__all__ = ["MAX_OTHERS", "MAX_STEPS", "MAX_WAITING", "DependencyLimit"]

MAX_WAITING = 10_000
"""Limit of the dependencies that wait, beyond which no job of many is taken."""

MAX_OTHERS = 25_000
"""Limit of those on other jobs, beyond which no job that waits for a job is taken."""

MAX_STEPS = 50_000_000
"""Limit of the steps if all jobs end together for which many wait: each of these is looked for
among all that wait for other jobs. It is 3 s."""

_FEW = 4
"""Dependencies of a job that is taken beyond the first limit: thousands may wait for one job."""


_CROWD = 5
"""Jobs that wait for one job up to which its end takes little."""

_UNCOUNTED = 100
"""Jobs by which a count may be wrong, so that those that come and go do not cause another one."""

_MAX_COUNTED = 1000
"""Jobs of which it is known how many wait for them."""


class _Counted(NamedTuple):
    """How many dependencies there were when so many jobs were submitted to wait, and waited."""

    jobs: int
    waiting: int
    total: int


_NONE = _Counted(0, 0, 0)


class _Crowds:
    """How many jobs wait for each job for which more than a few do."""

    def __init__(self) -> None:
        self._sizes: dict[int, int] = {}
        self._all = 0
        self._squares = 0

    def set(self, target: int, size: int) -> None:
        """Note how many jobs wait for one."""
        before = self._sizes.pop(target, 0)
        after = size if size > _CROWD else 0
        if after:
            self._sizes[target] = after
        self._all += after - before
        self._squares += after * after - before * before

    def steps(self, waiting: int) -> int:
        """Return the steps if all the targets end, while there are so many dependencies in all."""
        # Those of each crowd are looked for among those of the crowds that have not ended yet.
        among = (self._all * self._all - self._squares) // 2
        return among + self._all * max(waiting - self._all, 0)


class DependencyLimit:
    """Counts the dependencies of the jobs of a table, and of those that are being submitted."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._under_way = 0
        self._few_under_way = 0
        self._targets: Counter[int] = Counter()
        """How many of those that are being submitted wait for each job."""
        self._counted: dict[int | None, _Counted] = {}
        """The last counts for targets, and for all jobs."""
        self._crowds = _Crowds()

    def counts(self, submission: Submission) -> bool:
        """Return whether a job is one of many dependencies, which the table should have soon."""
        return submission.dependencies > _FEW

    @contextmanager
    def admit(self, submissions: Sequence[Submission]) -> Iterator[dict[int, FluxapiError]]:
        """Yield the errors of the jobs that have too many dependencies, by their places.

        Those of the others count until the context is left; the table should have the jobs then.
        """
        refused: dict[int, FluxapiError] = {}
        taken = few = 0
        targets: Counter[int] = Counter()
        if any(one.dependencies for one in submissions):
            many = any(map(self.counts, submissions))
            left = MAX_WAITING - self._under_way - self._waiting() if many else 0
            waiting = self._of_all() + self._under_way + self._few_under_way
            named = {target for one in submissions for target in one.after}
            known = {target: self._of_target(target) for target in named}
            for place, one in enumerate(submissions):
                others = waiting + taken + few
                if self.counts(one) and one.dependencies > left - taken:
                    refused[place] = _refusal(MAX_WAITING, _FEW)
                elif self._is_late({it: known[it] + targets[it] for it in one.after}, others):
                    refused[place] = _refusal(MAX_OTHERS, 0)
                else:
                    if self.counts(one):
                        taken += one.dependencies
                    else:
                        few += one.dependencies
                    targets.update(one.after)
        self._under_way += taken
        self._few_under_way += few
        self._targets += targets
        try:
            yield refused
        finally:
            self._under_way -= taken
            self._few_under_way -= few
            self._targets -= targets
            for target in targets:
                self._crowds.set(target, self._of_target(target))

    def _is_late(self, known: dict[int, int], waiting: int) -> bool:
        """Return whether a job may not wait beside so many dependencies, and count it otherwise.

        *known* has how many wait for each of its targets.
        """
        if any(waiting - size > MAX_OTHERS for size in known.values()):
            return True
        for target, size in known.items():
            self._crowds.set(target, size + 1)
        if not known or self._crowds.steps(waiting + len(known)) <= MAX_STEPS:
            return False
        for target, size in known.items():
            self._crowds.set(target, size)
        return True

    def _of_all(self) -> int:
        """Return about how many dependencies the jobs of the table wait for."""
        jobs = self._table.index.state.get("DEPEND", ())
        last = self._counted.get(None, _NONE)
        if _differs(len(jobs), last.jobs):
            found = [job for job in map(self._table.get, jobs) if job is not None]
            count = sum(len(job.dependencies) for job in found)
            last = self._counted[None] = _Counted(len(jobs), 0, count)
            targets = Counter(target for job in found for target, _ in job.after)
            self._crowds = _Crowds()
            for target, size in (targets + self._targets).items():
                self._crowds.set(target, size)
        return last.total + _FEW * max(len(jobs) - last.jobs, 0)

    def _of_target(self, target: int) -> int:
        """Return about how many jobs of the table wait for a job."""
        waiting = len(self._table.index.state.get("DEPEND", ()))
        submitted = self._table.links.count(target)
        last = self._counted.get(target, _NONE)
        if _differs(submitted, last.jobs) or _differs(waiting, last.waiting):
            if len(self._counted) >= _MAX_COUNTED:
                self._counted.clear()
            found = map(self._table.get, self._table.links.waiting(target))
            count = sum(job is not None and job.state == "DEPEND" for job in found)
            last = self._counted[target] = _Counted(submitted, waiting, count)
        return last.total + max(submitted - last.jobs, 0) + self._targets[target]

    def _waiting(self) -> int:
        """Return how many dependencies the jobs of the table wait for; few jobs are looked at."""
        waiting = 0
        for jobid in self._table.index.state.get("DEPEND", ()):
            job = self._table.get(jobid)
            waiting += 0 if job is None else len(job.dependencies)
            if waiting > MAX_WAITING:
                break
        return waiting


def _differs(number: int, before: int) -> bool:
    """Return whether a number has changed so much that something is counted again."""
    return abs(number - before) > max(number // 10, _UNCOUNTED)


def _refusal(limit: int, few: int) -> FluxRefused:
    words = f"the jobs that wait for others have about {limit} dependencies; submit this one later"
    if few:
        words += f", or with at most {few} dependencies"
    return FluxRefused(words, errno=errno.ENOSPC)

"""Groups that are done, and first failures in groups, found as their jobs end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from fluxapi.model.job import RESULTS, Job
from fluxapi.model.record import record
from fluxapi.notices.notice import Notice, group_notice
from fluxapi.table.changes import Changes
from fluxapi.table.groups import GroupRow
from fluxapi.table.table import Table

from .webhook import Kind

__all__ = ["GroupWatch"]

_FAILURES = ("FAILED", "TIMEOUT")
"""The results that count as a failure; a job that was canceled has not failed."""


@dataclass(slots=True)
class _Ended:
    """The jobs of one group that have ended: the last, the first that failed, how many failed."""

    last: Job
    failure: Job | None = None
    failures: int = 0
    ids: set[int] = field(default_factory=set)


class GroupWatch:
    """Collects the jobs that have ended, by group, until :meth:`notices` is called."""

    def __init__(self) -> None:
        self._ended: dict[str, _Ended] = {}

    def observe(self, changes: Changes, table: Table) -> None:
        """Note the jobs that have just ended."""
        for jobid, before in changes.changed.items():
            after = changes.after.get(jobid)
            if after is None or after.facets.state != "INACTIVE" or not after.facets.group:
                continue
            if before is None or before.facets.state != "INACTIVE":
                job = table.get(jobid)
                if job is not None:
                    self.note(job)

    def note(self, job: Job) -> None:
        """Note a job that has ended."""
        group = job.group
        if not group:
            return
        known = self._ended.get(group)
        if known is None:
            known = self._ended[group] = _Ended(job)
        if job.id in known.ids:
            return
        known.ids.add(job.id)
        if _moment(job) > _moment(known.last):
            known.last = job
        if job.result in _FAILURES:
            known.failures += 1
            if known.failure is None or _moment(job) < _moment(known.failure):
                known.failure = job

    def notices(self, table: Table, instance: str) -> Iterator[tuple[Kind, GroupRow, Notice]]:
        """Yield a notice for each group that is done, and for each first failure; forget all."""
        ended, self._ended = self._ended, {}
        for name, known in ended.items():
            group = table.groups.get(name)
            if group is None:
                continue
            if known.failure is not None and _failures(group) <= known.failures:
                yield (
                    "first-failure",
                    group,
                    _notice("first-failure", group, known.failure, instance),
                )
            if not group.active:
                yield "group-done", group, _notice("group-done", group, known.last, instance)


def _moment(job: Job) -> tuple[float, int]:
    return job.t_inactive, job.id


def _failures(group: GroupRow) -> int:
    counts = dict(zip(RESULTS, group.results, strict=True))
    return sum(counts[result] for result in _FAILURES)


def _notice(kind: Kind, group: GroupRow, job: Job, instance: str) -> Notice:
    return group_notice(instance, kind, group.record(), record(job), job.t_inactive)

"""The groups of the jobs in a table, each with counts that are updated with every change.

A group exists while the table has one of its jobs. Times cover all jobs that the group has had
since then, so they do not change when Flux purges jobs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from sortedcontainers import SortedList

from fluxapi.model.job import RESULTS, STATES, Job
from fluxapi.model.job_fields import cut
from fluxapi.model.usernames import username
from fluxapi.process.timeslice import TimeSlice

from .index import Facets

__all__ = ["GroupPage", "GroupRow", "Groups", "page"]

_MAX_GROUPS_PER_USER = 100_000
"""Groups of one user; further jobs get none. They take about 600 bytes each."""

_SLICE_GROUPS = 1000
"""Groups tested before the event loop runs other tasks."""

_STATE = {state: place for place, state in enumerate(STATES)}
_RESULT: dict[str | None, int] = {result: place for place, result in enumerate(RESULTS)}
_INACTIVE = _STATE["INACTIVE"]


class GroupRow(msgspec.Struct, gc=False):
    """One group: counts of its jobs, and the first and last of their times; 0.0 means not yet.

    ``first`` is the lowest job ID that the group has had. ``purged`` counts the jobs that have left
    the table.
    """

    id: str
    userid: int
    name: str = ""
    first: int = 0
    total: int = 0
    purged: int = 0
    states: list[int] = msgspec.field(default_factory=lambda: [0] * len(STATES))
    results: list[int] = msgspec.field(default_factory=lambda: [0] * len(RESULTS))
    t_first_submit: float = 0.0
    t_last_submit: float = 0.0
    t_first_run: float = 0.0
    t_last_inactive: float = 0.0

    @property
    def ended(self) -> int:
        """The number of jobs that have ended, including those that have left the table."""
        return self.states[_INACTIVE] + self.purged

    @property
    def active(self) -> int:
        """The number of jobs that have not ended."""
        return self.total - self.states[_INACTIVE]

    def record(self) -> dict[str, Any]:
        """Return the record of the group in the API."""
        document: dict[str, Any] = {"id": self.id}
        if self.name:
            document["name"] = self.name
        document |= {
            "userid": self.userid,
            "username": username(self.userid),
            "total": self.total,
            "active": self.active,
            "purged": self.purged,
            "progress": self.ended / (self.total + self.purged),
            "states": {
                state: count for state, count in zip(STATES, self.states, strict=True) if count
            },
            "results": {
                result: count for result, count in zip(RESULTS, self.results, strict=True) if count
            },
        }
        for key in ("t_first_submit", "t_last_submit", "t_first_run", "t_last_inactive"):
            time = getattr(self, key)
            if time:
                document[key] = time
        return document


class Groups:
    """All groups of a table, by ID and in the order of their first jobs."""

    def __init__(self) -> None:
        self.order: SortedList = SortedList()
        """``(first, id)`` of each group."""
        self._rows: dict[str, GroupRow] = {}
        self._of_user: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def get(self, group: str) -> GroupRow | None:
        """Return the group with this ID, or ``None``; callers must not change it."""
        return self._rows.get(group)

    def admit(self, job: Job, owner: int | None) -> None:
        """Settle the group of a job whose user has just become known.

        A user can only add jobs to groups of their own, and has a limited number of groups.
        """
        group = job.membership
        if group is None:
            return
        if job.userid != owner:
            group = group.of_user(job.userid)
        held = self._rows.get(group.id)
        if held is None and self._of_user.get(job.userid, 0) >= _MAX_GROUPS_PER_USER:
            cut(job, "group")
            job.membership = None
            return
        job.membership = group

    def add(self, jobs: Iterable[tuple[Facets, Job]]) -> None:
        """Count new jobs."""
        for values, job in jobs:
            if values.group:
                self._count(values, job)

    def move(self, old: Facets, new: Facets, job: Job) -> None:
        """Count a job that has changed."""
        if old.group == new.group:
            if new.group:
                row = self._rows[new.group]
                _subtract(row, old)
                _add(row, new)
                _stretch(row, job)
            return
        if old.group:
            self._uncount(old, is_purged=False)
        if new.group:
            self._count(new, job)

    def remove(self, values: Facets, *, is_purged: bool) -> None:
        """Remove a job that was counted with these facets."""
        if values.group:
            self._uncount(values, is_purged=is_purged)

    def _count(self, values: Facets, job: Job) -> None:
        row = self._rows.get(values.group)
        if row is None:
            row = self._rows[values.group] = GroupRow(values.group, job.userid, first=job.id)
            self.order.add((row.first, row.id))
            self._of_user[row.userid] = self._of_user.get(row.userid, 0) + 1
        elif job.id < row.first:
            self.order.remove((row.first, row.id))
            row.first = job.id
            self.order.add((row.first, row.id))
        if not row.name and job.membership is not None:
            row.name = job.membership.name
        row.total += 1
        _add(row, values)
        _stretch(row, job)

    def _uncount(self, values: Facets, *, is_purged: bool) -> None:
        row = self._rows[values.group]
        row.total -= 1
        row.purged += is_purged
        _subtract(row, values)
        if not row.total:
            del self._rows[row.id]
            self.order.remove((row.first, row.id))
            self._of_user[row.userid] -= 1
            if not self._of_user[row.userid]:
                del self._of_user[row.userid]


def _add(row: GroupRow, values: Facets) -> None:
    row.states[_STATE[values.state]] += 1
    if values.result is not None:
        row.results[_RESULT[values.result]] += 1


def _subtract(row: GroupRow, values: Facets) -> None:
    row.states[_STATE[values.state]] -= 1
    if values.result is not None:
        row.results[_RESULT[values.result]] -= 1


def _stretch(row: GroupRow, job: Job) -> None:
    """Extend the times of the group by those of a job."""
    submit, run = job.t_submit, job.t_run
    if submit and (submit < row.t_first_submit or not row.t_first_submit):
        row.t_first_submit = submit
    row.t_last_submit = max(row.t_last_submit, submit)
    if run and (run < row.t_first_run or not row.t_first_run):
        row.t_first_run = run
    row.t_last_inactive = max(row.t_last_inactive, job.t_inactive)


class GroupPage(msgspec.Struct):
    """Some groups, newest first; the next page begins below the job ID ``next``."""

    groups: list[GroupRow]
    next: int | None


async def page(
    groups: Groups,
    *,
    limit: int,
    after: int | None = None,
    active: bool = False,
    user: str | None = None,
    text: str | None = None,
) -> GroupPage:
    """Return up to *limit* groups whose first job is below *after*.

    Args:
        groups: The groups of a table.
        limit: Groups of a page.
        after: The ``next`` of the page before.
        active: Only groups with an active job.
        user: Only groups of the user with this name or ID.
        text: Only groups with each of these words in name or ID, in any case.
    """
    found: list[GroupRow] = []
    words = (text or "").casefold().split()
    if words or user is not None or active:
        await TimeSlice(0).share()
    while True:
        left = _SLICE_GROUPS
        bound = None if after is None else (after, "")
        for first, name in groups.order.irange(maximum=bound, reverse=True):
            if len(found) == limit or not left:
                break
            left -= 1
            after = first
            row = groups.get(name)
            if row is None or (active and not row.active) or not _is_of(row, user):
                continue
            if words and not _has(row, words):
                continue
            found.append(row)
        else:
            return GroupPage(found, None)
        if len(found) == limit:
            return GroupPage(found, after)
        await TimeSlice(0).share()


def _is_of(row: GroupRow, user: str | None) -> bool:
    return user is None or user in {str(row.userid), username(row.userid)}


def _has(row: GroupRow, words: Iterable[str]) -> bool:
    text = f"{row.name} {row.id}".casefold()
    return all(word in text for word in words)

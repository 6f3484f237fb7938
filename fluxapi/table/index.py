"""The index of jobs by state, result, user, queue, name, group and nodelist.

Each value of a facet with few values (state, result, user, queue) has a ``SortedList``, in which a
job moves in logarithmic time. There may be as many names, groups and nodelists as jobs, so each of
their values has a plain sorted list, an order of magnitude smaller; jobs rarely move between those.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable
from typing import Any, NamedTuple

from sortedcontainers import SortedDict, SortedList

from fluxapi.model.hostlist import decode_hostlist
from fluxapi.model.job import Job

__all__ = ["LASTING", "Facets", "Index", "facets"]

_MIN_SORT_IDS = 64
"""For this many IDs or more, one sort is cheaper than single insertions."""

_MAX_SINGLE_REMOVALS = 200
"""For more IDs, one new list is cheaper than to remove each from a long list."""

_MAX_PREFIXES = 16
"""Recently requested name prefixes that are indexed."""

_MAX_PREFIX_JOBS = 20_000
"""A prefix of more jobs is not indexed: a walk over all jobs soon finds a page of them."""


class Facets(NamedTuple):
    """The indexed values of one job."""

    state: str
    result: str | None
    userid: int
    queue: str
    name: str
    group: str
    nodelist: str


LASTING = slice(2, 6)
"""The facets that rarely change: ``userid``, ``queue``, ``name`` and ``group``."""


def facets(job: Job) -> Facets:
    """Return the current facets of a job."""
    group, given = job.membership, job.allocation
    return Facets(
        job.state,
        job.result,
        job.userid,
        job.queue,
        job.name,
        group.id if group is not None else "",
        given.nodelist if given is not None else "",
    )


class Index:
    """An index of job IDs by facet. IDs ascend; readers walk from the end, newest first."""

    def __init__(self) -> None:
        self.all: SortedList = SortedList()
        self.state: dict[str, SortedList] = {}
        self.result: dict[str, SortedList] = {}
        self.userid: dict[int, SortedList] = {}
        self.queue: dict[str, SortedList] = {}
        self.name: SortedDict = SortedDict()
        """The jobs of each name: a list or, for one job, its ID, since many names are unique."""
        self.group: dict[str, list[int]] = {}
        self.nodelist: dict[str, list[int]] = {}
        self._hosts: dict[str, set[str]] = {}
        self._prefixes: dict[str, SortedList | None] = {}

    def move(self, jobid: int, old: Facets, new: Facets) -> None:
        """Move one job whose facets changed."""
        if old.state != new.state:
            self.state[old.state].discard(jobid)
            self._sorted(self.state, new.state).add(jobid)
        if old.result != new.result:
            if old.result is not None:
                self.result[old.result].discard(jobid)
            if new.result is not None:
                self._sorted(self.result, new.result).add(jobid)
        if old[2:] != new[2:]:
            self._move_rare(jobid, old, new)

    def _move_rare(self, jobid: int, old: Facets, new: Facets) -> None:
        if old.userid != new.userid:
            self.userid[old.userid].discard(jobid)
            self._sorted(self.userid, new.userid).add(jobid)
        if old.queue != new.queue:
            self.queue[old.queue].discard(jobid)
            self._sorted(self.queue, new.queue).add(jobid)
        if old.name != new.name:
            self._unname(old.name, {jobid})
            self._name(new.name, [jobid])
        if old.group != new.group:
            if old.group:
                _remove(self.group, old.group, {jobid})
            if new.group:
                _append(self.group.setdefault(new.group, []), [jobid])
        if old.nodelist != new.nodelist:
            if old.nodelist:
                self._unplace(old.nodelist, {jobid})
            if new.nodelist:
                self._place(new.nodelist, [jobid])

    def add(self, jobs: Iterable[tuple[int, Facets]]) -> None:
        """Add several new jobs at once."""
        ids: list[int] = []
        members: tuple[dict[Any, list[int]], ...] = tuple({} for _ in Facets._fields)
        for jobid, values in jobs:
            ids.append(jobid)
            for by_value, value in zip(members, values, strict=True):
                by_value.setdefault(value, []).append(jobid)
        _extend(self.all, ids)
        for facet, by_value in zip(Facets._fields, members, strict=True):
            for value, some in by_value.items():
                self._file(facet, value, some)

    def _file(self, facet: str, value: Any, members: list[int]) -> None:
        if value is None:
            return
        if facet == "name":
            self._name(value, members)
        elif facet == "nodelist":
            if value:
                self._place(value, members)
        elif facet == "group":
            if value:
                _append(self.group.setdefault(value, []), members)
        else:
            _extend(self._sorted(getattr(self, facet), value), members)

    def _name(self, name: str, members: list[int]) -> None:
        held = self.name.get(name)
        if isinstance(held, list):
            _append(held, members)
        elif held is None and len(members) == 1:
            self.name[name] = members[0]
        else:
            self.name[name] = sorted([*self.named(name), *members])
        for prefix, held in self._prefixes.items():
            if held is not None and name.startswith(prefix):
                _extend(held, members)

    def _unname(self, name: str, gone: set[int]) -> None:
        if isinstance(self.name[name], list):
            _remove(self.name, name, gone)
        else:
            del self.name[name]
        for prefix, held in self._prefixes.items():
            if held is not None and name.startswith(prefix):
                for jobid in gone:
                    held.discard(jobid)

    def _place(self, nodelist: str, members: list[int]) -> None:
        held = self.nodelist.get(nodelist)
        if held is None:
            held = self.nodelist[nodelist] = []
            for host in decode_hostlist(nodelist):
                self._hosts.setdefault(host, set()).add(nodelist)
        _append(held, members)

    def _unplace(self, nodelist: str, gone: set[int]) -> None:
        _remove(self.nodelist, nodelist, gone)
        if nodelist not in self.nodelist:
            for host in set(decode_hostlist(nodelist)):
                self._hosts[host].discard(nodelist)
                if not self._hosts[host]:
                    del self._hosts[host]

    def remove(self, jobs: Iterable[tuple[int, Facets]]) -> None:
        """Remove several jobs at once."""
        names: dict[str, set[int]] = {}
        grouped: dict[str, set[int]] = {}
        nodelists: dict[str, set[int]] = {}
        for jobid, values in jobs:
            self.all.discard(jobid)
            self.state[values.state].discard(jobid)
            if values.result is not None:
                self.result[values.result].discard(jobid)
            self.userid[values.userid].discard(jobid)
            self.queue[values.queue].discard(jobid)
            names.setdefault(values.name, set()).add(jobid)
            if values.group:
                grouped.setdefault(values.group, set()).add(jobid)
            if values.nodelist:
                nodelists.setdefault(values.nodelist, set()).add(jobid)
        for name, gone in names.items():
            self._unname(name, gone)
        for group, gone in grouped.items():
            _remove(self.group, group, gone)
        for nodelist, gone in nodelists.items():
            self._unplace(nodelist, gone)

    def named(self, name: str) -> list[int]:
        """Return the jobs of this name."""
        held: list[int] | int | None = self.name.get(name)
        if isinstance(held, list):
            return held
        return [] if held is None else [held]

    def with_prefix(self, prefix: str) -> SortedList | None:
        """Return the jobs whose name begins with *prefix*, or ``None`` if there are too many.

        The prefix is then indexed, and kept up to date until newer prefixes replace it.
        """
        if prefix in self._prefixes:
            held = self._prefixes.pop(prefix)
        else:
            held = self._gather(prefix)
            if len(self._prefixes) >= _MAX_PREFIXES:
                del self._prefixes[next(iter(self._prefixes))]
        if held is not None and len(held) > _MAX_PREFIX_JOBS:
            held = None
        self._prefixes[prefix] = held
        return held

    def _gather(self, prefix: str) -> SortedList | None:
        ids: list[int] = []
        for name in self.name.irange(minimum=prefix):
            if not name.startswith(prefix):
                break
            ids.extend(self.named(name))
            if len(ids) > _MAX_PREFIX_JOBS:
                return None
        return SortedList(ids)

    def on_node(self, host: str) -> list[list[int]]:
        """Return the ID lists of all nodelists that contain *host*."""
        return [self.nodelist[nodelist] for nodelist in self._hosts.get(host, ())]

    @staticmethod
    def _sorted(index: dict[Any, SortedList], value: Any) -> SortedList:
        held = index.get(value)
        if held is None:
            held = index[value] = SortedList()
        return held


def _extend(held: SortedList, ids: list[int]) -> None:
    if len(ids) >= _MIN_SORT_IDS:
        held.update(ids)
    else:
        for jobid in ids:
            held.add(jobid)


def _append(held: list[int], ids: list[int]) -> None:
    ids = sorted(ids)
    start = bisect_left(held, ids[0])
    if start == len(held) or ids[-1] < held[start]:
        held[start:start] = ids
        return
    for jobid in ids:
        insort(held, jobid)


def _remove(index: dict[str, list[int]], value: str, gone: set[int]) -> None:
    held = index[value]
    ids = sorted(gone)
    start = bisect_left(held, ids[0])
    if held[start : start + len(ids)] == ids:
        # Flux purges the oldest jobs first, which are neighbors.
        del held[start : start + len(ids)]
    elif len(ids) <= _MAX_SINGLE_REMOVALS:
        for jobid in ids:
            del held[bisect_left(held, jobid)]
    else:
        held[:] = [jobid for jobid in held if jobid not in gone]
    if not held:
        del index[value]

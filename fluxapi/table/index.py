"""The index of jobs by state, result, user, queue, name, group and nodelist.

Each value of a facet with few values (state, result, user, queue) has ``SortedKeys``, in which a
job moves in logarithmic time. There may be as many names, groups and nodelists as jobs, so these
are ``JobLists``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any, NamedTuple

from fluxapi.model.hostlist import decode_hostlist
from fluxapi.model.job import Job

from .job_lists import JobLists
from .sorted_keys import Gathered, SortedKeys

__all__ = ["LASTING", "Facets", "Index", "facets"]

_STEP_KEYS = 10_000
"""Keys that are sorted before other tasks run; this takes about a millisecond."""

_MAX_SOURCES = 32
"""Kinds of jobs whose lists share a collector; a reader merges the runs of all kinds."""

_MAX_PREFIXES = 16
"""Recently requested name prefixes that are indexed."""

_MAX_PREFIX_JOBS = 20_000
"""A prefix of more jobs is not indexed: a walk over all jobs soon finds enough of them for a
page."""


class Facets(NamedTuple):
    """The indexed values of one job."""

    state: str
    result: str | None
    userid: int
    queue: str
    name: str
    group: str
    nodelist: str


_Kind = tuple[str, str | None, int, str]
"""State, result, user ID and queue of a job."""

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
        self.all: SortedKeys[int] = SortedKeys()
        self.state: dict[str, SortedKeys[int]] = {}
        self.result: dict[str, SortedKeys[int]] = {}
        self.userid: dict[int, SortedKeys[int]] = {}
        self.queue: dict[str, SortedKeys[int]] = {}
        self.name = JobLists()
        self.group = JobLists()
        self.nodelist = JobLists()
        self._names: SortedKeys[str] = SortedKeys()
        self._hosts: dict[str, set[str]] = {}
        self._prefixes: dict[str, SortedKeys[int] | None] = {}
        self._sources: dict[_Kind, Gathered[int]] | None = {}
        """The collector of the jobs of a backlog, by kind; ``None`` once a job has moved."""
        self._shared: dict[_Kind, Gathered[int]] = {}
        """All collectors since :meth:`settle`."""

    def move(self, jobid: int, old: Facets, new: Facets) -> None:
        """Move one job whose facets changed."""
        self._sources = None
        if old.state != new.state:
            self.state[old.state].discard(jobid)
            _of(self.state, new.state).add(jobid)
        if old.result != new.result:
            if old.result is not None:
                self.result[old.result].discard(jobid)
            if new.result is not None:
                _of(self.result, new.result).add(jobid)
        if old[2:] != new[2:]:
            self._move_rare(jobid, old, new)

    def _move_rare(self, jobid: int, old: Facets, new: Facets) -> None:
        if old.userid != new.userid:
            self.userid[old.userid].discard(jobid)
            _of(self.userid, new.userid).add(jobid)
        if old.queue != new.queue:
            self.queue[old.queue].discard(jobid)
            _of(self.queue, new.queue).add(jobid)
        if old.name != new.name:
            self._unname(old.name, {jobid})
            self._name(new.name, [jobid])
        if old.group != new.group:
            if old.group:
                self.group.remove(old.group, {jobid})
            if new.group:
                self.group.add(new.group, [jobid])
        if old.nodelist != new.nodelist:
            if old.nodelist:
                self._unplace(old.nodelist, {jobid})
            if new.nodelist:
                self._place(new.nodelist, [jobid])

    def add(self, jobs: Iterable[tuple[int, Facets]], *, more_follow: bool = False) -> None:
        """Add several new jobs at once.

        If *more_follow*, as in a backlog, this costs much less; call :meth:`settle` after the last.
        """
        alike: dict[_Kind, list[int]] = {}
        names: dict[str, list[int]] = {}
        groups: dict[str, list[int]] = {}
        nodelists: dict[str, list[int]] = {}
        for jobid, values in jobs:
            state, result, userid, queue, name, group, nodelist = values
            alike.setdefault((state, result, userid, queue), []).append(jobid)
            names.setdefault(name, []).append(jobid)
            if group:
                groups.setdefault(group, []).append(jobid)
            if nodelist:
                nodelists.setdefault(nodelist, []).append(jobid)
        for kind, some in alike.items():
            source = self._source(kind) if more_follow else None
            if source is not None:
                source.add(some)
                continue
            for held in self._lists(kind):
                _add(held, some, more_follow=more_follow)
        self._add_names(names, more_follow=more_follow)
        for group, some in groups.items():
            self.group.add(group, some, more_follow=more_follow)
        for nodelist, some in nodelists.items():
            self._place(nodelist, some, more_follow=more_follow)

    def _source(self, kind: _Kind) -> Gathered[int] | None:
        """Return the collector of the jobs of a kind for all their lists, if there is one."""
        sources = self._sources
        if sources is None:
            return None
        found = sources.get(kind)
        if found is None and len(sources) < _MAX_SOURCES:
            found = sources[kind] = self._shared[kind] = Gathered()
            for held in self._lists(kind):
                held.share(found)
        return found

    def _lists(self, kind: _Kind) -> Iterator[SortedKeys[int]]:
        state, result, userid, queue = kind
        yield self.all
        yield _of(self.state, state)
        yield _of(self.userid, userid)
        yield _of(self.queue, queue)
        if result is not None:
            yield _of(self.result, result)

    def settle(self) -> Iterator[None]:
        """Sort the jobs of a backlog; other tasks may run after each step."""
        self._sources, self._shared = {}, {}
        count = self.all.settle() + self._names.settle()
        for index in (self.state, self.result, self.userid, self.queue):
            for held in list(index.values()):
                if count >= _STEP_KEYS:
                    yield
                    count = 0
                count += held.settle()
        for lists in (self.name, self.group, self.nodelist):
            yield from lists.settle()

    def _add_names(self, names: dict[str, list[int]], *, more_follow: bool) -> None:
        new = [name for name in names if name not in self.name]
        _add(self._names, new, more_follow=more_follow)
        for name, some in names.items():
            self.name.add(name, some, more_follow=more_follow)
            self._add_to_prefixes(name, some)

    def _name(self, name: str, members: list[int]) -> None:
        self._add_names({name: members}, more_follow=False)

    def _add_to_prefixes(self, name: str, members: list[int]) -> None:
        for prefix, held in self._prefixes.items():
            if held is not None and name.startswith(prefix):
                held.update(members)

    def _unname(self, name: str, gone: set[int]) -> None:
        self.name.remove(name, gone)
        if name not in self.name:
            self._names.discard(name)
        for prefix, held in self._prefixes.items():
            if held is not None and name.startswith(prefix):
                for jobid in gone:
                    held.discard(jobid)

    def _place(self, nodelist: str, members: list[int], *, more_follow: bool = False) -> None:
        if nodelist not in self.nodelist:
            for host in decode_hostlist(nodelist):
                self._hosts.setdefault(host, set()).add(nodelist)
        self.nodelist.add(nodelist, members, more_follow=more_follow)

    def _unplace(self, nodelist: str, gone: set[int]) -> None:
        self.nodelist.remove(nodelist, gone)
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
            self._remove_one(jobid, (values.state, values.result, values.userid, values.queue))
            names.setdefault(values.name, set()).add(jobid)
            if values.group:
                grouped.setdefault(values.group, set()).add(jobid)
            if values.nodelist:
                nodelists.setdefault(values.nodelist, set()).add(jobid)
        for name, gone in names.items():
            self._unname(name, gone)
        for group, gone in grouped.items():
            self.group.remove(group, gone)
        for nodelist, gone in nodelists.items():
            self._unplace(nodelist, gone)

    def _remove_one(self, jobid: int, kind: _Kind) -> None:
        """Remove a job from the lists of its kind.

        A collector gives it up for all of them. If each list noted what it has lost, a backlog of
        more jobs than the table keeps would take time that grows with the square of their number.
        """
        source = self._shared.get(kind)
        if source is not None and source.discard(jobid):
            for held in self._lists(kind):
                held.forget(jobid)
            return
        # Lists may have noted it as gone, so no collector may get it again.
        self._sources = None
        for held in self._lists(kind):
            held.discard(jobid)

    def with_prefix(self, prefix: str) -> SortedKeys[int] | None:
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

    def _gather(self, prefix: str) -> SortedKeys[int] | None:
        ids: list[int] = []
        for name in self._names.ascending(prefix):
            if not name.startswith(prefix):
                break
            members = self.name.get(name)
            if len(ids) + len(members) > _MAX_PREFIX_JOBS:
                return None
            ids.extend(members)
        return SortedKeys(ids)

    def nodelists_of(self, host: str) -> Collection[str]:
        """Return all nodelists that contain *host*."""
        return self._hosts.get(host, ())


def _of(index: dict[Any, SortedKeys[int]], value: Any) -> SortedKeys[int]:
    held = index.get(value)
    if held is None:
        held = index[value] = SortedKeys()
    return held


def _add(held: SortedKeys[Any], keys: list[Any], *, more_follow: bool) -> None:
    if more_follow:
        if keys:
            held.gather(keys)
    else:
        held.update(keys)

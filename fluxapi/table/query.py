"""Job queries: filters, and pages of matches, newest first.

A query walks the smallest index that one of its filters can use and tests the others on each job. A
walk is divided into slices, so that a filter with few matches in a large table does not block the
event loop.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from heapq import merge
from typing import Any

from fluxapi.model.group import group_id
from fluxapi.model.hostlist import holds_host
from fluxapi.model.job import GROUPS, RESULTS, Job
from fluxapi.model.jobid import encode_f58
from fluxapi.model.record import username

from .index import Index
from .name_pattern import is_pattern, prefix, test_of
from .table import Table

__all__ = ["JobQuery", "Page", "count", "matcher", "page", "query_of", "walk"]

_SLICE_JOBS = 1000
"""Jobs tested before the event loop runs other tasks."""

_TEXT_SLICE_JOBS = 250
"""The same for a query that searches text."""

Ids = Any
"""A sorted list of job IDs: ``list[int]`` or ``SortedList``, which has no types."""


@dataclass(frozen=True)
class JobQuery:
    """A set of filters that must all match; ``None`` matches any job.

    ``states`` holds states and results, of which one must hold; ``user`` is a name or a user ID;
    ``*`` in ``name`` stands for any characters, a ``name`` without it is the whole name;
    ``name_part`` is a substring, case-insensitive; ``group`` is the ID of a group; ``node`` is a
    host; ``since`` (inclusive) and ``until`` (exclusive) are submission times in seconds since the
    epoch; each word of ``text`` must occur, case-insensitive, in ID, name, user, queue, nodelist,
    state, result or exception. ``ids`` are jobs.
    """

    states: frozenset[str] | None = None
    results: frozenset[str] | None = None
    user: str | None = None
    name: str | None = None
    name_part: str | None = None
    queue: str | None = None
    group: str | None = None
    node: str | None = None
    since: float | None = None
    until: float | None = None
    text: str | None = None
    ids: frozenset[int] | None = None


def query_of(fields: Mapping[str, Any]) -> JobQuery:
    """Return the query that valid *fields* describe."""
    states = fields.get("state")
    results = fields.get("result")
    group = fields.get("group")
    return JobQuery(
        states=frozenset(
            state for word in states for state in GROUPS.get(word.upper(), (word.upper(),))
        )
        if states
        else None,
        results=frozenset(word.upper() for word in results) if results else None,
        user=fields.get("user"),
        name=fields.get("name"),
        queue=fields.get("queue"),
        group=None if group is None else group_id(group),
        node=fields.get("node"),
        since=fields.get("since"),
        until=fields.get("until"),
        text=fields.get("text"),
    )


@dataclass(frozen=True, slots=True)
class Page:
    """One page of job IDs, newest first; ``after`` starts the next page (``None``: the last)."""

    ids: list[int]
    next: int | None


Test = Callable[[Any], bool]
"""A test of a job or, without filters on time and text, of its facets."""


def matcher(query: JobQuery) -> Test | None:
    """Return one test for all filters of *query*, or ``None`` if there are none."""
    tests = list(_tests(query))
    if not tests:
        return None
    if len(tests) == 1:
        return tests[0]
    return lambda job: all(test(job) for test in tests)


def _tests(query: JobQuery) -> Iterator[Test]:
    states, results, queue = query.states, query.results, query.queue
    if states is not None:
        yield _state_test(states)
    if results is not None:
        yield lambda job: job.result in results
    if query.user is not None:
        yield _user_test(query.user)
    yield from _name_tests(query.name, query.name_part)
    if queue is not None:
        yield lambda job: job.queue == queue
    if query.group is not None:
        yield _group_test(query.group)
    if query.node is not None:
        yield _node_test(query.node)
    yield from _time_tests(query.since, query.until)
    if query.ids is not None:
        ids = query.ids
        yield lambda job: job.id in ids
    if query.text and query.text.strip():
        yield _text_test(query.text)


def _state_test(states: frozenset[str]) -> Test:
    if states.isdisjoint(RESULTS):
        return lambda job: job.state in states
    return lambda job: job.state in states or job.result in states


def _user_test(user: str) -> Test:
    if user.isascii() and user.isdigit():
        return lambda job: job.userid == int(user) or username(job.userid) == user
    return lambda job: username(job.userid) == user


def _name_tests(name: str | None, part: str | None) -> Iterator[Test]:
    if name is not None and is_pattern(name):
        matches = test_of(name)
        yield lambda job: matches(job.name)
    elif name is not None:
        yield lambda job: job.name == name
    if part is not None:
        folded = part.casefold()
        yield lambda job: folded in job.name.casefold()


def _time_tests(since: float | None, until: float | None) -> Iterator[Test]:
    if since is not None:
        yield lambda job: job.t_submit >= since
    if until is not None:
        yield lambda job: job.t_submit < until


def _group_test(group: str) -> Test:
    return lambda job: job.group == group


def _node_test(host: str) -> Test:
    known: dict[str, bool] = {}

    def test(job: Job) -> bool:
        nodelist = job.nodelist
        held = known.get(nodelist)
        if held is None:
            held = known[nodelist] = holds_host(nodelist, host)
        return held

    return test


def _text_test(text: str) -> Test:
    # Flux prints IDs with ƒ, the API with f: accept both.
    needles = [word.replace("ƒ", "f") for word in text.casefold().split()]

    def test(job: Job) -> bool:
        words = (
            job.name,
            encode_f58(job.id),
            job.state,
            job.result or "",
            username(job.userid),
            job.queue,
            job.nodelist,
            _exception(job),
        )
        found = "\n".join(words).casefold().replace("ƒ", "f")
        return all(needle in found for needle in needles)

    return test


def _exception(job: Job) -> str:
    """Return the type and the note of the exception of *job* as the dashboard shows them."""
    exception = job.exception
    return f"{exception.get('type')}: {exception.get('note') or ''}" if exception else ""


def _sources(index: Index, query: JobQuery) -> list[Ids]:
    """Return the ID lists of the filter with the fewest jobs; their union contains every match."""
    plans: list[list[Ids]] = []
    if query.states is not None:
        plans.append(
            [
                ids[word]
                for word in query.states
                for ids in (index.state, index.result)
                if word in ids
            ]
        )
    if query.results is not None:
        plans.append([index.result[result] for result in query.results if result in index.result])
    if query.user is not None:
        user = query.user
        plans.append(
            [ids for userid, ids in index.userid.items() if user in {str(userid), username(userid)}]
        )
    if query.queue is not None:
        plans.append([index.queue[query.queue]] if query.queue in index.queue else [])
    if query.group is not None:
        plans.append([index.group.get(query.group, [])])
    if query.node is not None:
        plans.append(index.on_node(query.node))
    if query.name is not None:
        named = _named(index, query.name)
        if named is not None:
            plans.append([named])
    if query.ids is not None:
        plans.append([sorted(query.ids)])
    plans.append([index.all])
    return min(plans, key=lambda lists: sum(map(len, lists)))


def _named(index: Index, name: str) -> Ids | None:
    """Return a list with every job of this name or pattern, or ``None`` if it would be too long."""
    if not is_pattern(name):
        return index.name.get(name, [])
    return index.with_prefix(prefix(name)) if prefix(name) else None


def _descending(ids: Ids, after: int | None) -> Iterator[int]:
    """Return the IDs below *after*, newest first."""
    if isinstance(ids, list):
        end = len(ids) if after is None else bisect_left(ids, after)
        return (ids[position] for position in range(end - 1, -1, -1))
    walk: Iterator[int]
    if after is None:
        walk = reversed(ids)
    else:
        walk = ids.irange(maximum=after, inclusive=(True, False), reverse=True)
    return walk


def walk(table: Table, query: JobQuery, after: int | None) -> Iterator[int]:
    """Return candidates for a query, newest first: every match below *after*, and other IDs.

    The iterator is invalid once the table changes.
    """
    lists = [_descending(ids, after) for ids in _sources(table.index, query)]
    return lists[0] if len(lists) == 1 else merge(*lists, reverse=True)


@dataclass(slots=True)
class _Slice:
    """The result of one slice of a walk: the matches, the last tested ID, true at the end."""

    ids: list[int]
    last: int | None
    done: bool


def _slice(
    table: Table, query: JobQuery, test: Test | None, after: int | None, want: int
) -> _Slice:
    found: list[int] = []
    last = after
    left = _TEXT_SLICE_JOBS if query.text else _SLICE_JOBS
    for jobid in walk(table, query, after):
        if len(found) == want or not left:
            return _Slice(found, last, done=False)
        last = jobid
        left -= 1
        job = table.get(jobid)
        if job is not None and (test is None or test(job)):
            found.append(jobid)
    return _Slice(found, last, done=True)


def _walk_test(query: JobQuery) -> Test | None:
    """Return the test of the candidates of :func:`walk`, or ``None`` if all of them match.

    The index of a group has exactly its jobs.
    """
    if query.group is not None and query == JobQuery(group=query.group):
        return None
    return matcher(query)


async def page(
    table: Table, query: JobQuery, *, limit: int, after: int | None = None, offset: int = 0
) -> Page:
    """Return up to *limit* matches below *after*, without the first *offset* matches."""
    test = _walk_test(query)
    ids: list[int] = []
    want = offset + limit
    while True:
        piece = _slice(table, query, test, after, want - len(ids))
        ids.extend(piece.ids)
        after = piece.last
        if piece.done or len(ids) >= want:
            break
        await asyncio.sleep(0)
    return Page(ids[offset:], None if piece.done else after)


async def count(table: Table, query: JobQuery) -> int:
    """Return the number of matches."""
    test = matcher(query)
    if test is None:
        return len(table)
    total, after = 0, None
    while True:
        piece = _slice(table, query, test, after, _SLICE_JOBS)
        total += len(piece.ids)
        after = piece.last
        if piece.done:
            return total
        await asyncio.sleep(0)

"""Job queries: filters, and pages of matches, newest first.

A query walks the smallest index that one of its filters can use and tests the others on each job. A
walk is divided into slices, so that a filter with few matches in a large table does not block the
event loop.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from heapq import merge
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from fluxapi.model.group import group_id
from fluxapi.model.job import GROUPS, RESULTS
from fluxapi.model.usernames import username
from fluxapi.process.timeslice import SLICE_S, TimeSlice

from .index import Index
from .job_lists import JobIds, descending
from .job_tests import is_held, name_test, node_test, state_test, text_test, user_test
from .name_pattern import ANY, is_pattern, prefix
from .submit_times import Submitted
from .table import Table, Test

__all__ = ["JobQuery", "Page", "Test", "count", "matcher", "page", "query_of", "walk"]

_INACTIVE = frozenset({"INACTIVE"})
_PENDING = frozenset(GROUPS["PENDING"])

_SLICE_JOBS = 1000
"""Jobs that are examined before the event loop runs other tasks."""

_MIN_CHUNK_JOBS = 32
"""Jobs that are tested at once, even if fewer matches are wanted."""

_MAX_LISTS = 256
"""Lists of jobs that a walk merges, anew in each slice; this takes about half a millisecond."""

_MAX_USERS = 4096
"""Users whose names are compared in each slice; more are not remembered."""

_MAX_CHUNK_JOBS = 128
"""Jobs that are tested at once; the time of a test depends on text from untrusted users."""


class JobQuery(msgspec.Struct, frozen=True, kw_only=True):
    """A set of filters that must all match; ``None`` matches any job.

    ``states`` holds states and results, of which one must hold; ``user`` is a name or a user ID;
    ``*`` in ``name`` stands for any characters, a ``name`` without it is the whole name;
    ``name_part`` is a substring, case-insensitive; ``group`` is the ID of a group; ``node`` is a
    host; ``since`` (inclusive) and ``until`` (exclusive) are submission times in seconds since the
    epoch; ``ended`` (inclusive) and ``ended_until`` (exclusive) are times of the end; ``held`` jobs
    have not started and have the urgency 0; each word of ``text`` must occur, case-insensitive, in
    ID, name, user, queue, nodelist, state, result or exception. ``ids`` are jobs.
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
    ended: float | None = None
    ended_until: float | None = None
    held: bool | None = None
    text: str | None = None
    ids: frozenset[int] | None = None


def query_of(fields: Mapping[str, Any], ids: frozenset[int] | None = None) -> JobQuery:
    """Return the query that valid *fields* describe, among the jobs *ids* if they are given."""
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
        ended=fields.get("ended"),
        ended_until=fields.get("ended_until"),
        held=fields.get("held"),
        text=fields.get("text"),
        ids=ids,
    )


class Page(NamedTuple):
    """One page of job IDs, newest first; ``next`` starts the next page (``None``: no more)."""

    ids: list[int]
    next: int | None


def matcher(query: JobQuery, index: Index | None = None) -> Test | None:
    """Return one test for all filters of *query*, or ``None`` if there are none.

    The *index* of the jobs saves reading their node lists.
    """
    tests = [test for _, test in _tests(query, index)]
    if len(tests) > 1:
        return lambda job: all(test(job) for test in tests)
    return tests[0] if tests else None


def _tests(query: JobQuery, index: Index | None = None) -> Iterator[tuple[str, Test]]:
    """Yield the test of each filter, with the name of the filter."""
    yield from _indexed_tests(query, index)
    since, until = query.since, query.until
    if since is not None:
        yield "since", lambda job: job.t_submit >= since
    if until is not None:
        yield "until", lambda job: job.t_submit < until
    ended, ended_until, held = query.ended, query.ended_until, query.held
    if ended is not None:
        yield "ended", lambda job: job.is_inactive and job.t_inactive >= ended
    if ended_until is not None:
        yield "ended_until", lambda job: job.is_inactive and job.t_inactive < ended_until
    if held is not None:
        yield "held", lambda job: is_held(job) == held
    if query.name_part is not None:
        folded = query.name_part.casefold()
        yield "name_part", lambda job: folded in job.name.casefold()
    if query.text and query.text.strip():
        yield "text", text_test(query.text)


def _indexed_tests(query: JobQuery, index: Index | None) -> Iterator[tuple[str, Test]]:
    """Yield the tests of the filters that :func:`_sources` knows."""
    states, results, queue, group = query.states, query.results, query.queue, query.group
    if states is not None:
        yield "states", state_test(states)
    if results is not None:
        yield "results", lambda job: job.result in results
    if query.user is not None:
        yield "user", user_test(query.user)
    if query.name is not None:
        yield "name", name_test(query.name)
    if queue is not None:
        yield "queue", lambda job: job.queue == queue
    if group is not None:
        yield "group", lambda job: job.group == group
    if query.node is not None:
        yield "node", node_test(query.node, index)
    if query.ids is not None:
        ids = query.ids
        yield "ids", lambda job: job.id in ids


class _Source(NamedTuple):
    """Lists of all jobs that may match a query.

    They have exactly the jobs that match ``filter``, if that is not empty.
    """

    filter: str
    lists: list[JobIds]


def _source(table: Table, query: JobQuery) -> _Source:
    sources = list(_sources(table, query))
    if len(sources) == 1:
        return sources[0]
    return min(sources, key=lambda source: sum(map(len, source.lists)))


def _sources(table: Table, query: JobQuery) -> Iterator[_Source]:
    index = table.index
    if query.states is not None:
        yield _Source("states", _lists_of_states(index, query.states))
    if query.results is not None:
        results = index.result
        yield _Source("results", [results[name] for name in query.results if name in results])
    if query.queue is not None:
        yield _Source("queue", [index.queue[query.queue]] if query.queue in index.queue else [])
    if query.group is not None:
        yield _Source("group", [index.group.get(query.group)])
    if query.name is not None:
        named = _named(index, query.name)
        if named is not None:
            yield named
    if query.ids is not None:
        yield _Source("ids", [sorted(table.select(query.ids))])
    yield from _sources_of_many(index, query)
    yield from _wider_sources(index, query)


def _sources_of_many(index: Index, query: JobQuery) -> Iterator[_Source]:
    """Yield the sources of filters that may stand for as many lists as there are jobs."""
    if query.user is not None and len(index.userid) <= _MAX_USERS:
        user = query.user
        lists: list[JobIds] = [
            ids for userid, ids in index.userid.items() if user in {str(userid), username(userid)}
        ]
        yield _Source("user", lists)
    if query.node is not None:
        nodelists = index.nodelists_of(query.node)
        if len(nodelists) <= _MAX_LISTS:
            yield _Source("node", [index.nodelist.get(nodelist) for nodelist in nodelists])


def _wider_sources(index: Index, query: JobQuery) -> Iterator[_Source]:
    """Yield the sources whose jobs still have to pass every test."""
    if query.ended is not None or query.ended_until is not None:
        yield _Source("", _lists_of_states(index, _INACTIVE))
    if query.held:
        yield _Source("", _lists_of_states(index, _PENDING))
    yield _Source("", [index.all])


def _lists_of_states(index: Index, words: frozenset[str]) -> list[JobIds]:
    """Return lists without a job in common: a job with a result is INACTIVE, too."""
    if "INACTIVE" in words:
        words = words.difference(RESULTS)
    return [ids[word] for word in words for ids in (index.state, index.result) if word in ids]


def _named(index: Index, name: str) -> _Source | None:
    """Return a list with every job of this name or pattern, or ``None`` if it would be too long."""
    if not is_pattern(name):
        return _Source("name", [index.name.get(name)])
    begin = prefix(name)
    ids = index.with_prefix(begin) if begin else None
    if ids is None:
        return None
    return _Source("name" if name == begin + ANY else "", [ids])


def walk(table: Table, query: JobQuery, after: int | None) -> Iterator[int]:
    """Return candidates for a query, newest first: every match below *after*, and other IDs.

    The iterator is invalid once the table changes.
    """
    return _walk(_source(table, query).lists, after)


def _walk(sources: list[JobIds], after: int | None) -> Iterator[int]:
    lists = [descending(ids, after) for ids in sources]
    return lists[0] if len(lists) == 1 else merge(*lists, reverse=True)


class _Slice(NamedTuple):
    """The result of one slice of a walk: the matches, the last tested ID, true at the end."""

    ids: list[int]
    last: int | None
    done: bool


def _slice(table: Table, query: JobQuery, after: int | None, want: int) -> _Slice:
    """Test candidates below *after*, until *want* of them match or a slice of them is tested.

    A slice also ends when its time is over, but not before one chunk of candidates is tested.
    """
    source = _source(table, query)
    # The jobs of the source need no test of its filter.
    done = {source.filter, "since", "until"}
    tests = [test for name, test in _tests(query, table.index) if name not in done]
    submitted = Submitted(table.times, table.jobs, query.since, query.until)
    candidates = _walk(source.lists, submitted.below(after))
    found: list[int] = []
    last = after
    left = _SLICE_JOBS
    most = _MAX_CHUNK_JOBS if tests else left
    end = time.perf_counter() + SLICE_S
    while left and len(found) < want and (left == _SLICE_JOBS or time.perf_counter() < end):
        # One more match than wanted shows whether there are more.
        size = min(max(want - len(found) + 1, _MIN_CHUNK_JOBS), most, left)
        chunk = list(islice(candidates, size))
        matching = submitted.select(chunk)
        for test in tests:
            matching = table.select(matching, test)
        found += matching
        if len(found) > want:
            del found[want:]
            return _Slice(found, found[-1], done=False)
        last = chunk[-1] if chunk else last
        if len(chunk) < size or chunk[-1] < submitted.lowest:
            return _Slice(found, last, done=True)
        left -= size
    return _Slice(found, last, done=False)


async def page(
    table: Table, query: JobQuery, *, limit: int, after: int | None = None, offset: int = 0
) -> Page:
    """Return up to *limit* matches below *after*, without the first *offset* matches."""
    want = offset + limit
    if _searches_texts(query):
        await TimeSlice(0).share()
    piece = _slice(table, query, after, want)
    ids = piece.ids
    while not piece.done and len(ids) < want:
        await TimeSlice(0).share()
        piece = _slice(table, query, piece.last, want - len(ids))
        ids += piece.ids
    return Page(ids[offset:] if offset else ids, None if piece.done else piece.last)


async def count(table: Table, query: JobQuery) -> int:
    """Return the number of matches."""
    if next(_tests(query), None) is None:
        return len(table)
    if _searches_texts(query):
        await TimeSlice(0).share()
    piece = _slice(table, query, None, _SLICE_JOBS)
    total = len(piece.ids)
    while not piece.done:
        await TimeSlice(0).share()
        piece = _slice(table, query, piece.last, _SLICE_JOBS)
        total += len(piece.ids)
    return total


def _searches_texts(query: JobQuery) -> bool:
    """Return whether a walk uses all of its first slice, so that only one walk begins in each pass.

    Hundreds may be requested at once.
    """
    return bool(query.text or query.name_part or (query.name and is_pattern(query.name)))

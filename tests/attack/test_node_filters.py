"""Filters that stand for thousands of lists of jobs: no slice of a walk merges all of them."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from itertools import count as numbers
from typing import Any

import pytest

from fluxapi.events.digest import ViewDigest
from fluxapi.events.filters import Selection, read_filter
from fluxapi.events.snapshot import Snapshot
from fluxapi.model.eventlog import Event, JournalMessage
from fluxapi.model.job import Job
from fluxapi.model.resources import Allocation
from fluxapi.table import job_tests, query
from fluxapi.table.index import facets
from fluxapi.table.query import JobQuery, count, page
from fluxapi.table.table import Table
from tests.table.test_table import live_table, submit

JOBS = 2000
MOST = 500


def alloc(jobid: int, nodelist: str) -> JournalMessage:
    ranks = {"rank": "0-1", "children": {"core": "0"}}
    execution: dict[str, Any] = {"R_lite": [ranks], "nodelist": [nodelist]}
    return JournalMessage(jobid, [Event(2.0, "alloc")], R={"execution": execution})


@pytest.fixture(scope="module")
def table() -> Table:
    """Return a table in which each job has a nodelist of its own, all of them with one host."""
    ids = range(1, JOBS + 1)
    return live_table(*map(submit, ids), *(alloc(jobid, f"n[0,{jobid}]") for jobid in ids))


@pytest.fixture(autouse=True)
def merged(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note how many lists each walk merges."""
    counts: list[int] = []

    def noted(*lists: Iterable[int], reverse: bool = False) -> Iterator[int]:
        counts.append(len(lists))
        return heapq.merge(*lists, reverse=reverse)

    monkeypatch.setattr(query, "merge", noted)
    return counts


async def test_a_host_of_very_many_nodelists(
    table: Table, merged: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unread(*_: object) -> bool:
        raise AssertionError("It reads the nodelist of each job.")

    monkeypatch.setattr(job_tests, "holds_host", unread)
    found = await page(table, JobQuery(node="n0", text="app"), limit=3)
    assert found.ids == [JOBS, JOBS - 1, JOBS - 2]
    assert await count(table, JobQuery(node="n0")) == JOBS
    assert await count(table, JobQuery(node="n0", text="no such text")) == 0
    assert max(merged, default=0) <= MOST


async def test_a_host_of_few_nodelists_is_found_without_a_walk_over_all_jobs(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[int] = []
    select = Table.select

    def noted(self: Table, jobids: Iterable[int], test: Any = None) -> list[int]:
        found = list(jobids)
        looked_at.extend(found)
        return select(self, found, test)

    monkeypatch.setattr(Table, "select", noted)
    assert (await page(table, JobQuery(node="n7", text="app"), limit=9)).ids == [7]
    assert looked_at == [7]


def test_a_subscription_to_a_host_of_very_many_nodelists(table: Table, merged: list[int]) -> None:
    selection = Selection(read_filter({"node": "n0"}))
    assert selection.below(table, None, 3) == [JOBS, JOBS - 1, JOBS - 2]
    assert max(merged, default=0) <= MOST


def test_a_piece_of_a_snapshot_ends_by_its_time(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = numbers()
    monkeypatch.setattr("time.perf_counter", lambda: next(clock) / 1000)
    selection = Selection(read_filter({"name": "*no such name"}))
    snapshot = Snapshot(table, selection, 0, b"", 1000)
    piece = snapshot.piece(None)
    assert (piece.after or 0) > JOBS - 10
    pieces = 1
    while piece.after is not None:
        piece = snapshot.piece(piece.after)
        pieces += 1
    assert pieces > JOBS / 10


def test_a_view_is_counted_by_its_time(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = numbers()
    monkeypatch.setattr("time.perf_counter", lambda: next(clock) / 1000)
    digest = ViewDigest(table, Selection(read_filter({"node": "n0"})))
    steps = 1
    while not digest.walk_on():
        steps += 1
    assert steps > JOBS / 10
    assert digest.members()["count"] == JOBS


async def test_a_subscription_to_a_node_reads_no_list_of_the_table(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    selection = Selection(read_filter({"node": "n7"}), table)
    other = facets(Job(JOBS + 1, allocation=Allocation("0", "n[6-7]", 2, 2)))
    assert selection.takes(JOBS + 1, other)
    monkeypatch.setattr(job_tests, "holds_host", None)
    assert [one for one in range(1, JOBS + 1) if selection.takes(one, facets(table[one]))] == [7]


async def test_names_of_very_many_users_are_not_compared_in_each_slice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(query, "_MAX_USERS", 2)
    monkeypatch.setattr(query, "username", None)
    table = live_table(*(submit(jobid, userid=jobid) for jobid in range(1, 5)))
    assert (await page(table, JobQuery(user="3"), limit=9)).ids == [3]

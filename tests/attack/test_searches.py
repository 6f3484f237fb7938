"""Searches that take long, many at once: none holds the event loop, and others get their turn.

A viewer can send them.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable
from types import SimpleNamespace
from typing import Any

import pytest

from fluxapi.archive.span import Span
from fluxapi.contracts import schema
from fluxapi.handlers import jobs
from fluxapi.http import querystring
from fluxapi.process.timeslice import TimeSlice
from fluxapi.sessions import use
from fluxapi.table import groups, job_tests, query
from fluxapi.table.links import Links
from fluxapi.table.query import JobQuery
from fluxapi.table.table import Table
from fluxapi.web import docs_search
from fluxapi.web.docs_search import Index, Section
from tests.table.test_groups import submit as submit_in
from tests.table.test_groups import table_of
from tests.table.test_table import submit

MANY = 50


async def passes(work: Awaitable[Any]) -> int:
    """Return how often other tasks run until *work* ends."""
    task, count = asyncio.ensure_future(work), 0
    while not task.done():
        await asyncio.sleep(0)
        count += 1
    task.result()
    return count


@pytest.fixture
def table() -> Table:
    table = Table()
    table.feed([submit(number) for number in range(1, 1001)])
    return table


@pytest.mark.parametrize(
    "wanted",
    [JobQuery(text="none"), JobQuery(name="*n*o*n*e*"), JobQuery(name_part="none")],
    ids=["text", "name", "name_part"],
)
async def test_a_walk_ends_its_slice_by_its_time(
    table: Table, wanted: JobQuery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query, "SLICE_S", 0)
    assert await passes(query.page(table, wanted, limit=10)) > 5
    assert await passes(query.count(table, wanted)) > 5


async def test_one_walk_of_many_goes_on_in_each_pass(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query, "SLICE_S", 0)
    walks = (query.page(table, JobQuery(text=f"none {each}"), limit=10) for each in range(MANY))
    assert await passes(asyncio.gather(*walks)) > MANY * 5


async def test_one_list_of_groups_of_many_goes_on_in_each_pass(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(groups, "_SLICE_GROUPS", 10)
    found = table_of(*(submit_in(number, f"group{number}") for number in range(1, 101)))
    lists = (groups.page(found.groups, limit=9, text=f"none {each}") for each in range(MANY))
    assert await passes(asyncio.gather(*lists)) > MANY * 10


async def test_a_search_in_the_documentation_gives_others_their_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(docs_search, "TimeSlice", lambda: TimeSlice(0))
    sections = [
        Section.of("Page", f"Title {each}", f"/docs/x#{each}", "text") for each in range(99)
    ]
    assert await passes(Index(sections).search("title text why")) > 3 * len(sections)


@pytest.mark.slow
async def test_looks_at_different_times_do_not_end_each_other(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(use, "TimeSlice", lambda: TimeSlice(0))
    reader = use.UseReader(table, None, 0.0)  # type: ignore[arg-type] # no node is looked at
    spans = (Span.choose(each, 100_000 + each, 10) for each in range(0, MANY * 10_000, 10_000))
    found = await asyncio.gather(*(reader.of_instance(span) for span in spans))
    assert all(found)
    await reader.aclose()


async def test_a_look_ends_with_its_session(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(use, "TimeSlice", lambda: TimeSlice(0))
    monkeypatch.setattr(use, "_MAX_KEPT", 1)
    reader = use.UseReader(table, None, 0.0)  # type: ignore[arg-type] # no node is looked at
    looks = [
        asyncio.create_task(reader.of_instance(Span.choose(each, 100_000 + each, 10)))
        for each in (0, 10_000)
    ]
    await asyncio.sleep(0)
    await reader.aclose()
    assert all(
        isinstance(it, asyncio.CancelledError)
        for it in await asyncio.gather(*looks, return_exceptions=True)
    )


def test_jobs_that_wait_for_one_leave_without_a_search() -> None:
    class Counted(int):
        compared = 0

        def __eq__(self, other: object) -> bool:
            Counted.compared += 1
            return int(self) == other

        __hash__ = int.__hash__

    links = Links()
    waiting: list[Any] = [
        SimpleNamespace(id=Counted(number), after=((1, "afterok"),)) for number in range(2, 2002)
    ]
    for job in waiting:
        links.add(job)
    for job in reversed(waiting):
        links.remove(job)
    assert Counted.compared <= len(waiting)
    assert not links._waiting


@pytest.mark.parametrize("name", ["stream-filter", "filter", "jobs-query"])
def test_a_pattern_has_few_parts(name: str) -> None:
    # Each event is tested against the filters of all subscriptions.
    assert schema.find(name, {"name": "*a" * 8}) == []
    (wrong,) = schema.find(name, {"name": "*a" * 9})
    assert "at most eight *" in wrong["detail"]


def test_a_filter_by_node_remembers_few_nodelists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_tests, "_MAX_KNOWN_NODELISTS", 10)
    test = query.matcher(JobQuery(node="n7"))
    assert test is not None
    held: list[Any] = [SimpleNamespace(nodelist=f"n{each}") for each in range(100)]
    assert [job.nodelist for job in held if test(job)] == ["n7"]
    assert len(inspect.getclosurevars(test).nonlocals["known"]) <= 10


def test_long_queries_are_not_kept() -> None:
    raw = f"id={','.join(['f1'] * 500)}"
    size = querystring._cached.cache_info().currsize
    fields = querystring.cached("jobs-query", raw)
    assert jobs._listing(fields).query.ids == frozenset({0})
    assert fields["id"] == ["f1"] * 500
    assert querystring._cached.cache_info().currsize == size

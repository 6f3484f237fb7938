from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluxapi.model.eventlog import Event, JournalMessage
from fluxapi.model.jobid import encode_f58
from fluxapi.model.usernames import username
from fluxapi.table.query import JobQuery, count, matcher, page, query_of
from fluxapi.table.table import Table
from tests import recording
from tests.table.test_table import event, live_table, submit

ROOT = username(0)

QUERIES = st.builds(
    JobQuery,
    states=st.none()
    | st.frozensets(st.sampled_from(["RUN", "SCHED", "INACTIVE", "NEW", "FAILED"])),
    results=st.none() | st.frozensets(st.sampled_from(["COMPLETED", "FAILED", "CANCELED"])),
    user=st.none() | st.sampled_from(["0", ROOT, "nobody-like-that"]),
    name=st.none() | st.sampled_from(["true", "sleep", "s*", "*", "*e*", "s*p", "zzz*"]),
    queue=st.none() | st.sampled_from(["batch", "debug", "none"]),
    node=st.none() | st.sampled_from(["node0", "node3", "node"]),
    since=st.none() | st.just(1795455718.0),
    until=st.none() | st.just(1795455719.5),
    ended=st.none() | st.just(1795455719.0),
    ended_until=st.none() | st.just(1795455719.0),
    held=st.none() | st.booleans(),
    text=st.none() | st.sampled_from(["NODE1", "sleep", "f2", ""]),
)


@pytest.fixture(scope="module")
def table() -> Table:
    table = Table()
    table.feed(recording.backlog())
    return table


def plain(table: Table, query: JobQuery) -> list[int]:
    """Return the same by a walk over all jobs."""
    test = matcher(query)
    jobs = [table.get(jobid) for jobid in reversed(table.index.all)]
    return [job.id for job in jobs if job is not None and (test is None or test(job))]


@given(query=QUERIES)
async def test_every_query_gives_what_a_walk_over_all_jobs_gives(
    table: Table, query: JobQuery
) -> None:
    found = await page(table, query, limit=1000)
    assert (found.ids, found.next) == (plain(table, query), None)
    assert await count(table, query) == len(found.ids)


@pytest.mark.parametrize("query", [JobQuery(), JobQuery(name="s*"), JobQuery(node="node1")])
async def test_pages_join_without_gap_or_repeat(table: Table, query: JobQuery) -> None:
    ids: list[int] = []
    after: int | None = None
    while True:
        part = await page(table, query, limit=3, after=after)
        ids += part.ids
        after = part.next
        if after is None:
            break
    assert ids == plain(table, query)


async def test_a_job_that_matches_by_state_and_result_is_found_once() -> None:
    ended = [event(1, "validate"), event(1, "clean")]
    table = live_table(submit(1), *ended)
    query = JobQuery(states=frozenset({"INACTIVE", "FAILED"}))
    assert (await page(table, query, limit=5)).ids == [1]


async def test_a_new_job_does_not_move_the_next_page() -> None:
    table = live_table(*(submit(jobid) for jobid in range(1, 7)))
    first = await page(table, JobQuery(), limit=3)
    table.feed([submit(7)])
    second = await page(table, JobQuery(), limit=3, after=first.next)
    assert (first.ids, second.ids) == ([6, 5, 4], [3, 2, 1])


async def test_the_last_page_says_so() -> None:
    table = live_table(submit(1), submit(2))
    assert (await page(table, JobQuery(), limit=2)).next is None


async def test_an_offset_skips(table: Table) -> None:
    every = plain(table, JobQuery(queue="batch"))
    part = await page(table, JobQuery(queue="batch"), limit=2, offset=3)
    assert part.ids == every[3:5]


async def test_a_rare_match_in_a_large_table_is_found_past_the_first_slice() -> None:
    table = live_table(submit(1, name="needle", at=0.5), *(submit(i) for i in range(2, 5000)))
    found = await page(table, JobQuery(until=1.0), limit=10)
    assert (found.ids, found.next) == ([1], None)


async def test_held_jobs_and_those_that_ended_since_then_are_found() -> None:
    table = live_table(*(submit(jobid) for jobid in range(1, 5)))
    table.feed([JournalMessage(2, [Event(1.0, "urgency", {"urgency": 0, "userid": 0})])])
    for jobid, at in ((3, 5.0), (4, 9.0)):
        held = Event(1.0, "urgency", {"urgency": 0, "userid": 0})
        table.feed([JournalMessage(jobid, [held, Event(at, "clean", {})])])
    assert (await page(table, JobQuery(held=True), limit=9)).ids == [2]
    assert (await page(table, JobQuery(held=False), limit=9)).ids == [4, 3, 1]
    assert (await page(table, JobQuery(ended=5.0), limit=9)).ids == [4, 3]
    assert (await page(table, query_of({"ended": 6.0, "held": False}), limit=9)).ids == [4]
    assert (await page(table, query_of({"ended": 5.0, "ended_until": 6.0}), limit=9)).ids == [3]


def test_a_state_or_a_result_of_several_is_enough(table: Table) -> None:
    def states(*words: str) -> set[int]:
        return set(plain(table, query_of({"state": words})))

    assert states("running", "failed") == states("running") | states("failed")
    assert states("failed") == set(plain(table, JobQuery(results=frozenset({"FAILED"})))) != set()


def test_text_finds_ids_names_users_and_nodes(table: Table) -> None:
    def matches(text: str) -> int:
        return len(plain(table, JobQuery(text=text)))

    some = next(iter(table.index.all))
    words = [encode_f58(some), "hostname", ROOT, "node2", "canceled", "debug"]
    assert all(matches(word) for word in words)
    assert not matches("no such thing")


async def test_jobs_on_a_node_are_found_in_every_nodelist_that_holds_it() -> None:
    def alloc(jobid: int, nodelist: str, ranks: str) -> JournalMessage:
        execution: dict[str, Any] = {
            "R_lite": [{"rank": ranks, "children": {"core": "0"}}],
            "nodelist": [nodelist],
        }
        return JournalMessage(jobid, [Event(2.0, "alloc")], R={"execution": execution})

    table = live_table(submit(1), submit(2), submit(3))
    table.feed([alloc(1, "n[0-3]", "0-3"), alloc(2, "n2", "2"), alloc(3, "n1", "1")])
    assert (await page(table, JobQuery(node="n2"), limit=9)).ids == [2, 1]

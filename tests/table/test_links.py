"""The dependencies between jobs, in both directions."""

from __future__ import annotations

import pytest

from fluxapi.model.after import MAX_AFTER, read_after
from fluxapi.model.eventlog import Event, JournalMessage, Purged, Resync
from fluxapi.model.jobid import encode_f58
from fluxapi.table.links import Link
from fluxapi.table.table import Table

SENTINEL = JournalMessage(-1, [])


def message(jobid: int, *after: int, scheme: str = "afterok") -> JournalMessage:
    dependencies = [{"scheme": scheme, "value": encode_f58(target)} for target in after]
    jobspec = {"attributes": {"system": {"dependencies": dependencies}}}
    return JournalMessage(jobid, [Event(1.0, "submit", {"userid": 0, "urgency": 16})], jobspec)


@pytest.fixture
def table() -> Table:
    made = Table()
    made.feed([SENTINEL])
    return made


def graph(table: Table, jobid: int, most: int = 9) -> list[int]:
    return table.links.graph(table.get, jobid, most).jobs


def test_both_directions_are_followed(table: Table) -> None:
    table.feed([message(1), message(2, 1), message(3, 2), message(4, 1), message(5)])
    found = table.links.graph(table.get, 2, 9)
    # Job 4 waits for the same job, and is neither before nor after job 2.
    assert found.jobs == [1, 2, 3]
    assert found.links == [Link(2, 1, "afterok"), Link(3, 2, "afterok")]
    assert not found.is_cut
    assert graph(table, 1) == [1, 2, 3, 4]
    assert graph(table, 5) == [5]


def test_a_job_that_leaves_takes_its_dependencies(table: Table) -> None:
    table.feed([message(1), message(2, 1)])
    table.feed([Purged([2])])
    assert graph(table, 1) == [1]
    table.feed([message(3, 1)])
    table.feed([Purged([1])])
    # It is named by the job that waited for it.
    assert graph(table, 3) == [1, 3]


def test_a_listing_that_is_read_again_doubles_nothing(table: Table) -> None:
    table.feed([message(1), message(2, 1)])
    table.feed([Resync(), message(1), message(2, 1), SENTINEL])
    assert table.links.graph(table.get, 1, 9).links == [Link(2, 1, "afterok")]
    table.feed([Purged([2])])
    assert graph(table, 1) == [1]


def test_a_graph_has_a_limit(table: Table) -> None:
    table.feed([message(1), *(message(jobid, jobid - 1) for jobid in range(2, 100))])
    found = table.links.graph(table.get, 50, 10)
    assert (len(found.jobs), found.is_cut) == (10, True)


def test_a_circle_ends(table: Table) -> None:
    table.feed([message(1, 2), message(2, 1), message(3, 3)])
    assert graph(table, 1) == [1, 2]
    assert graph(table, 3) == [3]


def test_only_dependencies_on_jobs_are_read() -> None:
    many = [{"scheme": "after", "value": encode_f58(jobid)} for jobid in range(1, 1000)]
    assert len(read_after({"dependencies": many})) == MAX_AFTER
    others = [
        {"scheme": "begin-time", "value": 3},
        {"scheme": "afterok", "value": "no ID"},
        {"scheme": "afterok"},
        {"scheme": "singleton", "value": "f1"},
        "afterok:f1",
        {"scheme": ["afterok"], "value": "f1"},
        {"scheme": "afterok", "value": 1},
        {"scheme": "afterok", "value": ["f1"]},
        {"scheme": "afterstart", "value": "ƒ1"},
    ]
    assert read_after({"dependencies": others}) == ((0, "afterstart"),)
    assert read_after({"dependencies": {"scheme": "after"}}) == read_after({}) == ()

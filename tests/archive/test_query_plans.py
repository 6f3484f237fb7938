"""Each filter reads an index in the order of the list, so no query sorts all its matches."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from fluxapi.archive.database import connect, open_database
from fluxapi.archive.query import Range, select
from fluxapi.table.query import JobQuery

FAILED = frozenset(["FAILED"])


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    database = connect(open_database(tmp_path))
    database.execute(
        "INSERT INTO instances (id, path, root, epoch, kind, hostname, version, owner, size, "
        "starttime, last_seen) VALUES ('one', '', '', 0, 'flux', 'node0', '0', 0, 1, 0, 0)"
    )
    yield database
    database.close()


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (JobQuery(results=FAILED), "jobs_by_result"),
        (JobQuery(queue="gpu"), "jobs_by_queue"),
        (JobQuery(queue="gpu", results=FAILED), "jobs_by_queue_and_result"),
        (JobQuery(name="train"), "jobs_by_name"),
        (JobQuery(name="train", queue="gpu", results=FAILED), "jobs_by_name"),
        (JobQuery(group="g1"), "jobs_by_group"),
        (JobQuery(text="train"), "words"),
    ],
)
def test_a_filter_reads_its_index_in_order(
    database: sqlite3.Connection, query: JobQuery, index: str
) -> None:
    found = select(database, query, Range("one"))
    assert found is not None
    plan = [
        row[3]
        for row in database.execute(
            f"EXPLAIN QUERY PLAN SELECT jobs.record FROM {found.tables} WHERE {found.where} "  # noqa: S608
            f"ORDER BY {found.key} DESC LIMIT 100",
            found.values,
        )
    ]
    assert any(index in step for step in plan), plan
    assert not any("TEMP B-TREE" in step for step in plan), plan

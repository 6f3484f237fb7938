"""Filters of the history that match very many nodes or instances."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from fluxapi.archive.database import connect
from fluxapi.archive.query import Range, find
from fluxapi.table.query import JobQuery
from tests.archive.past_jobs import SOURCE, Past, store

MANY = 300_000
"""More values than any release of SQLite takes in one statement."""

INSERT = {
    "nodelists": """
        WITH RECURSIVE numbers (n) AS (
            VALUES (1) UNION ALL SELECT n + 1 FROM numbers WHERE n < :many
        )
        INSERT INTO nodelists (hosts) SELECT 'node0,n' || n FROM numbers
    """,
    "instances": """
        WITH RECURSIVE numbers (n) AS (
            VALUES (1) UNION ALL SELECT n + 1 FROM numbers WHERE n < :many
        )
        INSERT INTO instances (
            id, path, epoch, kind, hostname, version, owner, size, starttime, last_seen
        )
        SELECT printf('%020d', n), 'f1', epoch, kind, hostname, version, owner, size, starttime,
            last_seen
        FROM numbers, instances WHERE id = :source
    """,
}
"""Statements that add as many rows, which other nodes or instances below the first have."""


@pytest.mark.slow
@pytest.mark.parametrize("table", ["instances", "nodelists"])
def test_more_matches_than_a_statement_takes_values(tmp_path: Path, table: str) -> None:
    path = store(tmp_path, Past(1 << 24, 10.0), Past(2 << 24, 20.0, nodelist="other"))
    with closing(connect(path)) as database, database:
        database.execute("BEGIN")
        database.execute(INSERT[table], {"many": MANY, "source": SOURCE.id})
    with closing(connect(path, readonly=True)) as database:
        assert [job.id for job in find(database, JobQuery(node="node0"), Range(), limit=9)] == [
            1 << 24
        ]


def test_a_nodelist_that_is_damaged_is_no_match(tmp_path: Path) -> None:
    path = store(tmp_path, Past(1 << 24, 10.0), Past(2 << 24, 20.0, nodelist="other"))
    with closing(connect(path)) as database:
        database.execute("UPDATE nodelists SET hosts = 'n[' WHERE hosts = 'other'")
        found = find(database, JobQuery(node="node0"), Range(), limit=9)
    assert [job.id for job in found] == [1 << 24]

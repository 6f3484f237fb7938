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


@pytest.mark.parametrize("table", ["instances", "nodelists"])
def test_more_matches_than_a_statement_takes_values(tmp_path: Path, table: str) -> None:
    path = store(tmp_path, Past(1 << 24, 10.0), Past(2 << 24, 20.0, nodelist="other"))
    with closing(connect(path)) as database, database:
        database.execute("BEGIN")
        if table == "nodelists":
            rows = ((f"node0,n{number}",) for number in range(MANY))
            database.executemany("INSERT INTO nodelists (hosts) VALUES (?)", rows)
        else:
            names = ((f"{number:020}", SOURCE.id) for number in range(1, MANY))
            database.executemany(
                "INSERT INTO instances (id, path, epoch, kind, hostname, version, owner, size, "
                "starttime, last_seen) SELECT ?, 'f1', epoch, kind, hostname, version, owner, "
                "size, starttime, last_seen FROM instances WHERE id = ?",
                names,
            )
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

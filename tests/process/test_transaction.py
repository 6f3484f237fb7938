"""A transaction that fails, even at its commit, leaves the connection fit for the next one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from fluxapi.process.transaction import transaction


@pytest.fixture
def database() -> Iterator[sqlite3.Connection]:
    database = sqlite3.connect(":memory:", isolation_level=None)
    database.execute("PRAGMA foreign_keys = ON")
    database.execute("CREATE TABLE parents (id INTEGER PRIMARY KEY)")
    database.execute(
        "CREATE TABLE children (parent REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED)"
    )
    yield database
    database.close()


def test_a_commit_that_fails_is_rolled_back(database: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.IntegrityError), transaction(database):
        database.execute("INSERT INTO children VALUES (1)")
    with transaction(database):
        database.execute("INSERT INTO parents VALUES (1)")
    assert database.execute("SELECT count(*) FROM children").fetchone() == (0,)
    assert database.execute("SELECT count(*) FROM parents").fetchone() == (1,)


def test_an_error_in_a_transaction_that_sqlite_has_ended_is_the_one_that_is_raised(
    database: sqlite3.Connection,
) -> None:
    def fail() -> None:
        with transaction(database):
            database.execute("ROLLBACK")
            raise ValueError("first")

    with pytest.raises(ValueError, match="first"):
        fail()

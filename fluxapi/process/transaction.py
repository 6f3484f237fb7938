"""A transaction of SQLite that leaves the connection fit for the next one, however it ends."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator

__all__ = ["transaction"]


@contextlib.contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """Run the block in a transaction of *database*, which is in autocommit mode.

    Raises:
        sqlite3.Error: Nothing of the block was written.
    """
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        # SQLite may have rolled back already; a commit that failed leaves the transaction open.
        if database.in_transaction:
            database.execute("ROLLBACK")
        # The write-ahead log may have filled the disk: reset it.
        with contextlib.suppress(sqlite3.Error):
            database.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
        raise

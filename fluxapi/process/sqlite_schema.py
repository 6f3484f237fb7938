"""The schema of an SQLite database, which may be damaged."""

from __future__ import annotations

import sqlite3

__all__ = ["read_schema"]


def read_schema(database: sqlite3.Connection) -> None:
    """Have SQLite read the schema of a database, as it does for the first statement anyway.

    SQLite repeats a damaged name in its error, and Python has no error of SQLite for a name that is
    not UTF-8.

    Raises:
        sqlite3.Error: The schema cannot be read.
    """
    try:
        database.execute("SELECT 1 FROM sqlite_master").fetchone()
    except UnicodeDecodeError:
        raise sqlite3.DatabaseError("its schema is damaged") from None

"""Tables of SQLite whose content is in their file.

A job can write to the files of its service. A view, a column that is computed or a trigger may have
content without an end, or run without one.
"""

from __future__ import annotations

import sqlite3

__all__ = ["has_programs", "is_ordinary"]


def has_programs(database: sqlite3.Connection) -> bool:
    """Return whether a database has views or triggers."""
    found = database.execute("SELECT 1 FROM sqlite_master WHERE type NOT IN ('table', 'index')")
    return found.fetchone() is not None


def is_ordinary(database: sqlite3.Connection, table: str) -> bool:
    """Return whether all rows of a table, and all values in them, are in the file."""
    found = database.execute("SELECT type, rootpage FROM sqlite_master WHERE name = ?", (table,))
    kinds = [(kind, bool(page)) for kind, page in found]
    columns = database.execute(f"PRAGMA table_xinfo({table})")
    return kinds == [("table", True)] and not any(hidden for *_, hidden in columns)

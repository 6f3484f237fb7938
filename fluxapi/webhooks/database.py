"""The database of webhooks: ``webhooks.db`` in the state directory, or one in memory."""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path

from fluxapi.errors import SettingsError
from fluxapi.process.private_files import private_file, private_folder

__all__ = ["FILE_NAME", "open_database"]

_log = logging.getLogger(__name__)

FILE_NAME = "webhooks.db"

_BUSY_TIMEOUT_S = 5.0
_CACHE_KIB = 8 << 10

_MIGRATIONS = (
    """
    CREATE TABLE webhooks (
        id TEXT PRIMARY KEY,
        state BLOB NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE deliveries (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        webhook TEXT NOT NULL,
        lane TEXT NOT NULL,
        notice TEXT NOT NULL,
        type TEXT NOT NULL,
        subject TEXT NOT NULL,
        body BLOB NOT NULL,
        created REAL NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        due REAL NOT NULL DEFAULT 0,
        dead REAL,
        reason TEXT
    );
    CREATE INDEX deliveries_by_webhook ON deliveries (webhook, dead);
    CREATE TABLE taken (
        webhook TEXT NOT NULL,
        key TEXT NOT NULL,
        upto INTEGER NOT NULL,
        at REAL NOT NULL,
        PRIMARY KEY (webhook, key)
    ) WITHOUT ROWID;
    CREATE TABLE meta (
        key TEXT PRIMARY KEY,
        value
    ) WITHOUT ROWID;
    """,
)
"""One script for each version of the schema; ``user_version`` counts those that have run."""


def open_database(statedir: Path | None) -> sqlite3.Connection:
    """Return the database in *statedir*, migrated, or one in memory. This call blocks.

    A file that is damaged is set aside, so that the service starts without webhooks.

    Raises:
        SettingsError: The file cannot be used.
    """
    if statedir is None:
        return _connected(":memory:")
    path = statedir / FILE_NAME
    try:
        private_folder(statedir)
        for suffix in ("", "-wal", "-shm"):
            beside = path.with_name(path.name + suffix)
            # SQLite creates its other files with the mode of the database.
            if not suffix or beside.is_symlink() or beside.exists():
                private_file(beside)
        try:
            return _connected(str(path))
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
            _set_aside(path, error)
            private_file(path)
            return _connected(str(path))
    except (OSError, sqlite3.Error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise SettingsError(
            f"The webhooks in {path} cannot be used: {reason}. Name another directory with "
            "--statedir."
        ) from None


def _set_aside(path: Path, error: sqlite3.DatabaseError) -> None:
    aside = path.with_suffix(".broken.db")
    path.replace(aside)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    _log.error(
        "the file of webhooks is damaged, and no webhook in it is used; it is now %s: %s",
        aside,
        error,
    )


def _connected(name: str) -> sqlite3.Connection:
    database = sqlite3.connect(
        name, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
    )
    try:
        database.text_factory = lambda data: data.decode(errors="replace")
        # No other connection needs the file, so no memory is shared through a file beside it: a job
        # that shortened that one would end the service by SIGBUS.
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        database.execute("PRAGMA journal_mode = WAL")
        # A commit survives the end of the process. After a crash of the machine the last ones may
        # be gone; deliveries and cursor with them, so that the events are read again.
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        database.execute("PRAGMA secure_delete = ON")
        _migrate(database)
    except BaseException:
        database.close()
        raise
    return database


def _migrate(database: sqlite3.Connection) -> None:
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version > len(_MIGRATIONS):
        raise sqlite3.OperationalError(
            f"it was written by a later release (version {version} of its schema)"
        )
    for number, script in enumerate(_MIGRATIONS[version:], version + 1):
        database.executescript(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number}; COMMIT")

"""The database of webhooks: ``webhooks.db`` in the state directory, or one in memory."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from pathlib import Path

from fluxapi.errors import SettingsError
from fluxapi.process.ordinary_tables import has_programs, is_ordinary
from fluxapi.process.private_files import private_file, private_folder
from fluxapi.process.sqlite_schema import read_schema

from .webhook import MAX_NUMBER

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

_TABLES = ("webhooks", "meta", "taken", "deliveries")
"""The tables, those first that matter most when a damaged file is copied."""

_COPIED = {"deliveries": f"deliveries WHERE seq <= {MAX_NUMBER}"}
"""The rows that are copied, if not all of a table."""

_LARGE_NUMBERS = (
    f"SELECT 1 FROM deliveries WHERE seq > {MAX_NUMBER} UNION ALL "  # noqa: S608 - constants
    f"SELECT 1 FROM sqlite_sequence WHERE seq > {MAX_NUMBER}"
)
"""The numbers that only damage has made; after the largest of SQLite, no row can be added."""

_ROWS_PER_TRANSACTION = 1000


def open_database(statedir: Path | None) -> sqlite3.Connection:
    """Return the database in *statedir*, migrated, or one in memory. This call blocks.

    A file that is damaged is set aside, and what can be read of it is used.

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
            return _checked(str(path))
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
            aside = _set_aside(path, error)
            private_file(path)
            database = _connected(str(path))
            _keep_readable(aside, database)
            return database
    except (OSError, sqlite3.Error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise SettingsError(
            f"The webhooks in {path} cannot be used: {reason}. Name another directory with "
            "--statedir."
        ) from None


def _set_aside(path: Path, error: sqlite3.DatabaseError) -> Path:
    """Give a damaged file another name, and return that."""
    aside = path.with_suffix(".broken.db")
    path.replace(aside)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    _log.error("the file of webhooks is damaged; it is now %s: %s", aside, error)
    return aside


def _keep_readable(damaged: Path, database: sqlite3.Connection) -> None:
    """Copy the rows of a damaged file to a new one, those of each table up to the damage."""
    try:
        old = sqlite3.connect(f"{damaged.absolute().as_uri()}?mode=ro", uri=True)
    except sqlite3.Error:
        return
    with contextlib.closing(old):
        # Otherwise SQLite reads nothing of a file that is shorter than its first page says.
        old.execute("PRAGMA writable_schema = ON")
        for table in _TABLES:
            _copy(table, old, database)


def _copy(table: str, old: sqlite3.Connection, database: sqlite3.Connection) -> None:
    """Copy the rows of a table up to the damage, many in a transaction."""
    count = 0
    try:
        if not is_ordinary(old, table):
            raise sqlite3.DatabaseError("it is not an ordinary table")
        database.execute("BEGIN")
        for row in old.execute(f"SELECT * FROM {_COPIED.get(table, table)}"):  # noqa: S608 - constants
            places = ", ".join("?" * len(row))
            database.execute(f"INSERT OR IGNORE INTO {table} VALUES ({places})", row)  # noqa: S608 - constants
            count += 1
            if count % _ROWS_PER_TRANSACTION == 0:
                database.execute("COMMIT")
                database.execute("BEGIN")
    except (sqlite3.Error, UnicodeDecodeError) as error:
        _log.error("only %d rows of the table %s can be read: %s", count, table, error)
    if database.in_transaction:
        database.execute("COMMIT")


def _checked(name: str) -> sqlite3.Connection:
    """Return a connection to a file whose pages and tables are sound; raise ``DatabaseError``."""
    database = _connected(name)
    try:
        (found,) = database.execute("PRAGMA quick_check(1)").fetchone()
        if found == "ok":
            with contextlib.closing(_connected(":memory:")) as new:
                is_other = has_programs(database) or _columns(database) != _columns(new)
            if is_other or not all(is_ordinary(database, table) for table in _TABLES):
                found = "its tables have another form than those of this release"
            elif not _can_count_on(database):
                found = "no number is left for further deliveries"
        if found != "ok":
            raise sqlite3.DatabaseError(found)  # noqa: TRY301 - closes the file as for others
    except BaseException:
        database.close()
        raise
    return database


def _can_count_on(database: sqlite3.Connection) -> bool:
    """Return whether there are numbers for further deliveries."""
    try:
        return database.execute(_LARGE_NUMBERS).fetchone() is None
    except sqlite3.OperationalError:
        return False  # The table of SQLite that counts is missing.


def _columns(database: sqlite3.Connection) -> list[tuple[str, str]]:
    """Return the names of all tables and columns."""
    return [
        (table, name)
        for table in _TABLES
        for _, name, *_ in database.execute(f"PRAGMA table_info({table})")
    ]


def _connected(name: str) -> sqlite3.Connection:
    database = sqlite3.connect(
        name, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
    )
    try:
        database.text_factory = lambda data: data.decode(errors="replace")
        # No other connection needs the file, so no memory is shared through a file beside it: a job
        # that shortened that one would end the service by SIGBUS.
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        read_schema(database)
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
    if version < 0:
        raise sqlite3.DatabaseError(f"the version of its tables is {version}")
    if version > len(_MIGRATIONS):
        raise sqlite3.OperationalError(
            f"it was written by a later release (version {version} of its schema)"
        )
    for number, script in enumerate(_MIGRATIONS[version:], version + 1):
        database.executescript(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number}; COMMIT")

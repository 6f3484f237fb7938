"""The file of the history: opened privately, migrated, and read or written by connections."""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

from fluxapi.errors import HistoryUnavailable
from fluxapi.process.private_files import private_file, private_folder
from fluxapi.process.sqlite_schema import read_schema
from fluxapi.table.name_pattern import test_of

from .migrations import SCRIPTS, migrate

__all__ = [
    "FILE_NAME",
    "IS_ID",
    "MAX_STORED_ID",
    "NAME_MATCHES",
    "check_readable",
    "connect",
    "meta",
    "open_database",
    "reason_of",
]

FILE_NAME = "history.db"
"""The name of the database in the state directory."""

MAX_STORED_ID = (1 << 63) - 1
"""The largest integer of SQLite; an instance gives larger IDs after seventeen years (RFC 19)."""

IS_ID = "typeof(jobs.id) = 'integer' AND jobs.id >= 0"
"""The condition that a job has an ID: a damaged file may have a text there."""

NAME_MATCHES = "name_matches"
"""The SQL function that tests a name, given as bytes, by a pattern."""

_BUSY_TIMEOUT_S = 5.0
"""Time to wait while another service in front of the same instance writes."""

_CACHE_KIB = 16 << 10
_MAX_REASON_CHARS = 200


def open_database(statedir: Path) -> Path:
    """Create or migrate the database in *statedir*, and return its path. This call blocks.

    Raises:
        HistoryUnavailable: The directory or the file cannot be used.
    """
    path = statedir / FILE_NAME
    try:
        private_folder(statedir)
        # SQLite creates its other files with the mode of the database.
        for suffix in ("", "-wal", "-shm"):
            beside = path.with_name(path.name + suffix)
            if not suffix or beside.exists():
                private_file(beside)
        database = connect(path)
        try:
            # This has an effect only before anything is in the file.
            database.execute("PRAGMA auto_vacuum = INCREMENTAL")
            database.execute("PRAGMA journal_mode = WAL")
            migrate(database)
        finally:
            database.close()
    except (OSError, sqlite3.Error) as error:
        raise HistoryUnavailable(
            f"The history in {statedir} cannot be used: {reason_of(error)}. Name another state "
            "directory with --statedir, or pass --no-history."
        ) from None
    return path


def check_readable(statedir: Path) -> None:
    """Check that this release can read the database in *statedir*. This call blocks.

    The tables of an earlier release are brought up to date first; nothing else is written.

    Raises:
        HistoryUnavailable: The database is missing, damaged, of a later release, or of an earlier
            one and not writable.
    """
    path = statedir / FILE_NAME
    if not path.is_file():
        raise HistoryUnavailable(
            f"There is no history in {statedir}: the file {FILE_NAME} is missing. Name the state "
            "directory of a service that has kept one with --statedir."
        )
    try:
        with contextlib.closing(connect(path, readonly=True)) as database:
            (version,) = database.execute("PRAGMA user_version").fetchone()
            if version >= len(SCRIPTS):
                migrate(database)  # It only checks.
                database.execute("SELECT count(*) FROM instances").fetchone()
                return
    except (OSError, sqlite3.Error) as error:
        raise HistoryUnavailable(
            f"The history in {statedir} cannot be read: {reason_of(error)}. Name another state "
            "directory with --statedir, or put a copy of the file in its place."
        ) from None
    open_database(statedir)


def connect(path: Path, *, readonly: bool = False) -> sqlite3.Connection:
    """Return a connection in autocommit mode, for one thread at a time.

    Raises:
        sqlite3.Error: The file is missing or is not a database.
        OSError: It is not a regular file.
    """
    _require_regular(path)
    mode = "ro" if readonly else "rw"
    if readonly and not _can_share(path):
        # Nobody writes here, so that there is nothing to share with a writer.
        mode = "ro&immutable=1"
    database = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=_BUSY_TIMEOUT_S,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        database.execute("PRAGMA foreign_keys = ON")
        read_schema(database)
        # A commit survives the end of the process; only a crash of the machine can undo the last.
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        # GLOB would need exponential time for some patterns.
        database.create_function(NAME_MATCHES, 2, _name_matches, deterministic=True)
    except BaseException:
        database.close()
        raise
    # Names of jobs may contain surrogates or bytes that a damaged file has changed.
    database.text_factory = _text
    return database


def meta(database: sqlite3.Connection, name: str) -> float:
    """Return a number that the history notes, or 0 if there is none."""
    found = database.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    # A damaged row may have a value of any type.
    return found[0] if found and isinstance(found[0], float) else 0.0


def _require_regular(path: Path) -> None:
    """Raise ``OSError`` for a named pipe, which SQLite would wait for forever, and the like."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISREG(path.stat().st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file", str(path))


def _can_share(path: Path) -> bool:
    """Return whether readers can use the files that a writer shares with them.

    On a volume that is mounted read-only they cannot be created, and are not needed if the last
    writer has closed the database.
    """
    log = path.with_name(f"{path.name}-wal")
    return os.access(path.parent, os.W_OK) or log.exists()


def _name_matches(pattern: str, name: bytes | None) -> bool:
    return name is not None and _test_of(pattern)(_text(name))


@functools.lru_cache(maxsize=16)
def _test_of(pattern: str) -> Callable[[str], bool]:
    return test_of(pattern)


def _text(value: bytes) -> str:
    return value.decode(errors="replace")


def reason_of(error: Exception) -> str:
    """Return what the system says about *error*, of bounded length."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return text[:_MAX_REASON_CHARS].rstrip(".")

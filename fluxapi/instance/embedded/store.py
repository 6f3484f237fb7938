"""The history of the embedded instance in SQLite, with its own thread and one commit per batch.

Each job is one row, with the data that Flux stores in its KVS (RFC 16). Output of more than a
kilobyte is in files next to the database.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from fluxapi.errors import InstanceUnavailable
from fluxapi.process.ordinary_tables import has_programs, is_ordinary
from fluxapi.process.private_files import REPLACED, file_of, open_regular, restrict_file
from fluxapi.process.sqlite_schema import read_schema
from fluxapi.process.transaction import transaction

__all__ = ["Row", "Store"]

_Result = TypeVar("_Result")
_FILE_NAME = "jobs.sqlite"
_FORMAT = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value REAL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS jobs (
    id INTEGER PRIMARY KEY,
    active INTEGER NOT NULL,
    changed REAL NOT NULL,
    jobspec BLOB NOT NULL,
    eventlog BLOB NOT NULL,
    R BLOB,
    output BLOB,
    output_size INTEGER NOT NULL
);
"""
_TABLES = ("meta", "jobs")
_SELECT = """
SELECT id, active, changed, jobspec, eventlog, R, output, output_size
FROM jobs ORDER BY changed, id
"""
_UPSERT = """
INSERT INTO jobs (id, active, changed, jobspec, eventlog, R, output, output_size)
VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET
active = excluded.active, changed = excluded.changed, eventlog = excluded.eventlog,
R = excluded.R, output = excluded.output, output_size = excluded.output_size
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One job: ``changed`` in seconds since 1970; ``output`` is the whole log if it is small."""

    id: int
    active: bool
    changed: float
    jobspec: bytes
    eventlog: bytes
    R: bytes | None
    output: bytes | None
    output_size: int


SECRET_BYTES = 32

_MAX_AGE_S = 5e8
"""Sixteen years, after which the numbers of jobs would exceed what SQLite stores."""

_FIRST_EPOCH_S = 1.7672256e9
"""The year 2026: a clock that says less, as without a battery, is wrong, and will be set."""

_MAX_REASON_CHARS = 200

_MAX_EPOCH_S = 1e11
"""The year 5138; a clock may have been wrong, but no date can show a later time."""


class Store:
    """A state directory, locked by one service at a time.

    Reads and writes raise ``InstanceUnavailable`` with the system's reason.
    """

    def __init__(self, statedir: Path) -> None:
        self.outputs = statedir / "output"
        self.secret = secrets.token_bytes(SECRET_BYTES)
        """See :meth:`~fluxapi.instance.protocol.Instance.secret`; read when the store opens."""
        self._statedir = statedir
        self._path = statedir / _FILE_NAME
        self._executor = ThreadPoolExecutor(1, "fluxapi-store")
        self._database: sqlite3.Connection | None = None
        self._lock = -1
        self._file: tuple[int, int] | None = None

    async def open(self) -> float:
        """Lock or create the directory; return the start of its history in seconds since 1970."""
        return await self._call(self._open)

    async def load(self) -> list[Row]:
        """Return all jobs, the most recently changed last."""
        return await self._call(self._load)

    async def save(self, rows: Iterable[Row], gone: Iterable[int] = ()) -> None:
        """Write *rows* and delete the jobs *gone* in one transaction."""
        await self._call(partial(self._save, list(rows), list(gone)))

    async def close(self) -> None:
        """Close the database and unlock the directory."""
        await self._call(self._close)
        self._executor.shutdown(wait=False)

    async def _call(self, function: Callable[[], _Result]) -> _Result:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, function)
        except (OSError, sqlite3.Error) as error:
            # Errors of derived types are faults of a call or of the disk.
            if type(error) is sqlite3.DatabaseError:
                detail = (
                    f"The file {self._path} is damaged ({error}): put a copy in "
                    "its place, or move it away to start without the jobs in it."
                )
            else:
                detail = f"The state directory {self._statedir} cannot be used: {error}"
            raise InstanceUnavailable(detail) from error

    def _open(self) -> float:
        self._statedir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._keep_private()
        self._lock = open_regular(self._statedir / "lock", os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            self._lock = -1
            raise InstanceUnavailable(
                f"Another service uses the state directory {self._statedir}; "
                "stop it first, or give another directory."
            ) from None
        database = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        self._database = database
        # No other connection needs the file, so no memory is shared through a file beside it: a job
        # that shortened that one would end the service by SIGBUS.
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        read_schema(database)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.executescript(_SCHEMA)
        if has_programs(database) or not all(is_ordinary(database, it) for it in _TABLES):
            raise sqlite3.DatabaseError("its tables have another form than those of this release")
        facts = dict(database.execute("SELECT name, value FROM meta").fetchall())
        if facts.setdefault("format", _FORMAT) != _FORMAT:
            raise InstanceUnavailable(
                f"The state directory {self._statedir} was written by another release."
            )
        try:
            epoch = _epoch(facts.setdefault("epoch", _new_epoch(time.time())))
            self.secret = _secret(facts.setdefault("secret", self.secret.hex()))
        except (TypeError, ValueError) as error:
            reason = str(error)[:_MAX_REASON_CHARS]
            raise InstanceUnavailable(
                f"The state directory {self._statedir} is damaged: {reason}; name another one."
            ) from None
        database.executemany("INSERT OR IGNORE INTO meta VALUES (?, ?)", facts.items())
        # A damaged row may contain text that is not UTF-8, and must not affect other rows.
        database.text_factory = bytes
        return epoch

    def _keep_private(self) -> None:
        """Make the directory private, since environments of jobs may contain secrets."""
        owner = self._statedir.stat().st_uid
        if owner != os.geteuid():
            raise InstanceUnavailable(
                f"The state directory {self._statedir} belongs to user {owner}; name your own."
            )
        self._statedir.chmod(0o700)
        with contextlib.suppress(FileExistsError):
            self.outputs.mkdir(mode=0o700)
        # A job may have put a link in the place of a file, so no link is followed.
        outputs = os.open(self.outputs, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.fchmod(outputs, 0o700)
        finally:
            os.close(outputs)
        # SQLite creates its other files with the mode of the database.
        os.close(open_regular(self._path, os.O_RDWR | os.O_CREAT))
        self._file = file_of(self._path)
        for path in self._statedir.iterdir():
            is_of_database = path.name.startswith(_FILE_NAME)
            # The history may be closing a database beside this one, whose files then vanish.
            with contextlib.suppress(FileNotFoundError):
                if is_of_database or (path.is_file() and not path.is_symlink()):
                    restrict_file(path)

    def _load(self) -> list[Row]:
        assert self._database is not None  # noqa: S101 - open came first
        found = self._database.execute(_SELECT)
        return [Row(row[0], bool(row[1]), *row[2:]) for row in found]

    def _save(self, rows: list[Row], gone: list[int]) -> None:
        database = self._database
        assert database is not None  # noqa: S101 - open came first
        if file_of(self._path) != self._file:
            # SQLite goes on to write into the file that it has open, which nobody reads again.
            raise FileNotFoundError(errno.ENOENT, REPLACED, str(self._path))
        with transaction(database):
            database.executemany(
                _UPSERT,
                [
                    (
                        row.id,
                        row.active,
                        row.changed,
                        row.jobspec,
                        row.eventlog,
                        row.R,
                        row.output,
                        row.output_size,
                    )
                    for row in rows
                ],
            )
            database.executemany("DELETE FROM jobs WHERE id = ?", [(jobid,) for jobid in gone])
            if not rows:
                # A commit without a change writes nothing and would succeed on a full disk.
                database.execute("INSERT OR REPLACE INTO meta VALUES ('saved', ?)", (time.time(),))

    def _close(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def _new_epoch(now: float) -> float:
    """Return the epoch of a new directory, which is not too old once the clock is set."""
    return now if now >= _FIRST_EPOCH_S else _FIRST_EPOCH_S + max(now, 0.0)


def _epoch(value: Any) -> float:
    number = float(value)
    if not time.time() - _MAX_AGE_S < number <= _MAX_EPOCH_S:
        raise ValueError(f"its epoch {number} is not a possible time")
    return number


def _secret(value: Any) -> bytes:
    secret = bytes.fromhex(value)
    if len(secret) != SECRET_BYTES:
        raise ValueError("its secret is too short or too long")
    return secret

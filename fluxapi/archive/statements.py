"""The statements that write one batch into the history, in one transaction."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from fluxapi.model.eventlog import decode_eventlog
from fluxapi.process.text import encodable

from .ended_job import Detail, EndedJob, command_of, pack
from .source import Source

__all__ = ["Purge", "write"]

_UPSERT_INSTANCE = """
INSERT INTO instances
(id, path, kind, hostname, version, owner, size, starttime, last_seen)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET version = excluded.version, size = excluded.size,
hostname = excluded.hostname, starttime = excluded.starttime, last_seen = excluded.last_seen
RETURNING key
"""
_INSERT_JOB = """
INSERT INTO jobs
(instance, id, t_submit, t_run, t_cleanup, t_inactive, result, userid, name, queue, group_id,
nodelist, nnodes, ncores, record)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (instance, id) DO NOTHING RETURNING key
"""
_INSERT_DETAIL = "INSERT INTO details (job, exact, data) VALUES (?, ?, ?)"
_INSERT_WORDS = "INSERT INTO words (rowid, name, command, note) VALUES (?, ?, ?, ?)"
_REPLACE_DETAIL = """
UPDATE details SET exact = 1, data = ?
WHERE exact = 0 AND job = (SELECT key FROM jobs WHERE instance = ? AND id = ?)
"""
_MARK_PURGED = "UPDATE jobs SET purged = ? WHERE instance = ? AND id = ? AND purged IS NULL"
_NODELIST = 9
"""The place of the nodelist among the facts of a job."""

_MAX_NOTE_CHARS = 4096


class Purge(NamedTuple):
    """A note that Flux has purged jobs, at a time in seconds since the epoch."""

    ids: tuple[int, ...]
    time: float


def write(
    database: sqlite3.Connection, batch: Sequence[tuple[Source, EndedJob | Purge]], now: float
) -> int:
    """Write a batch in one transaction, and return the number of jobs that cannot be stored.

    A job that is stored already is not written again, but an exact detail replaces one that is not.
    An empty batch shows whether the database can be written.

    Raises:
        sqlite3.Error: Nothing was written.
    """
    database.execute("BEGIN IMMEDIATE")
    try:
        bad = _write(database, batch, now)
        if not batch:
            # A commit without a change writes nothing and would succeed on a full disk.
            database.execute("INSERT OR REPLACE INTO meta VALUES ('written', ?)", (now,))
        database.execute("COMMIT")
    except BaseException:
        # SQLite may have rolled back already.
        if database.in_transaction:
            database.execute("ROLLBACK")
        # The write-ahead log may have filled the disk: reset it.
        with contextlib.suppress(sqlite3.Error):
            database.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
        raise
    return bad


def _write(
    database: sqlite3.Connection, batch: Iterable[tuple[Source, EndedJob | Purge]], now: float
) -> int:
    instances: dict[str, int] = {}
    nodelists: dict[str, int] = {}
    bad = 0
    for source, item in batch:
        if source.id not in instances:
            instances[source.id] = _instance(database, source, now)
        instance = instances[source.id]
        if isinstance(item, Purge):
            database.executemany(_MARK_PURGED, [(item.time, instance, jobid) for jobid in item.ids])
            continue
        try:
            _write_job(database, instance, item, nodelists)
        # Such as a number of more than 64 bits: one job must not cost the others.
        except (OverflowError, sqlite3.DataError, sqlite3.InterfaceError):
            bad += 1
    return bad


def _instance(database: sqlite3.Connection, source: Source, now: float) -> int:
    info = source.info
    (key,) = database.execute(
        _UPSERT_INSTANCE,
        (
            source.id,
            source.path,
            info.kind,
            info.hostname,
            info.version,
            info.owner,
            info.size,
            info.starttime,
            now,
        ),
    ).fetchone()
    return int(key)


def _write_job(
    database: sqlite3.Connection, instance: int, job: EndedJob, nodelists: dict[str, int]
) -> None:
    detail, words = pack(job.detail), _words(job)
    facts = [encodable(fact) if isinstance(fact, str) else fact for fact in job.facts]
    facts[_NODELIST] = _nodelist(database, facts[_NODELIST], nodelists)
    inserted = database.execute(_INSERT_JOB, (instance, job.id, *facts, job.record)).fetchone()
    if inserted is None:
        if job.exact:
            database.execute(_REPLACE_DETAIL, (detail, instance, job.id))
        return
    (key,) = inserted
    database.execute(_INSERT_DETAIL, (key, job.exact, detail))
    database.execute(_INSERT_WORDS, (key, *map(encodable, words)))


def _nodelist(database: sqlite3.Connection, hosts: str, known: dict[str, int]) -> int:
    key = known.get(hosts)
    if key is None:
        database.execute("INSERT OR IGNORE INTO nodelists (hosts) VALUES (?)", (hosts,))
        (key,) = database.execute("SELECT key FROM nodelists WHERE hosts = ?", (hosts,)).fetchone()
        known[hosts] = key
    return int(key)


def _words(job: EndedJob) -> tuple[str, str, str]:
    """Return name, command and the note of the exception of a job."""
    return job.facts[6], command_of(job.detail.jobspec), _note(job.detail)


def _note(detail: Detail) -> str:
    """Return the types and notes of the exceptions of a job, of bounded length."""
    if b'"exception"' not in detail.eventlog:
        return ""
    try:
        events = decode_eventlog(detail.eventlog)
    except (msgspec.MsgspecError, RecursionError):
        return ""
    notes = [
        f"{event.context.get('type')}: {event.context.get('note')}"
        for event in events
        if event.name == "exception" and event.context is not None
    ]
    return "\n".join(notes)[:_MAX_NOTE_CHARS]

"""The statements that write one batch into the history, in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypeAlias

from fluxapi.model.eventlog import valid_events
from fluxapi.model.jobid import encode_f58
from fluxapi.model.usernames import username
from fluxapi.process.text import encodable
from fluxapi.process.transaction import transaction

from .database import MAX_STORED_ID, meta
from .ended_job import Detail, EndedJob, command_of, pack
from .order import MAX_SAME_KEYS, epoch_of, key_of
from .samples import Sample, thin, write_sample
from .source import Source
from .stored_output import OutputState

__all__ = ["EndedOutput", "Item", "LostOutputs", "Purge", "write"]

_UPSERT_INSTANCE = """
INSERT INTO instances
(id, path, epoch, kind, hostname, version, owner, size, starttime, last_seen, root)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET version = excluded.version, size = excluded.size,
hostname = excluded.hostname, starttime = excluded.starttime, last_seen = excluded.last_seen,
root = excluded.root,
epoch = CASE WHEN typeof(epoch) = 'integer' AND epoch > 0 THEN epoch ELSE excluded.epoch END
RETURNING key, epoch
"""
_SELECT_INSTANCE = "SELECT key, epoch FROM instances WHERE id = ?"
_INSERT_JOB = """
INSERT INTO jobs
(key, instance, id, t_submit, t_run, t_cleanup, t_inactive, result, userid, name, queue, group_id,
nodelist, nnodes, ncores, record, output)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (instance, id) DO NOTHING
"""
_INSERT_DETAIL = "INSERT OR REPLACE INTO details (job, exact, data) VALUES (?, ?, ?)"
_INSERT_WORDS = (
    "INSERT OR REPLACE INTO words (rowid, name, command, note, facts) VALUES (?, ?, ?, ?, ?)"
)
_REPLACE_DETAIL = """
UPDATE details SET exact = 1, data = ?
WHERE exact = 0 AND job = (SELECT key FROM jobs WHERE instance = ? AND id = ?) RETURNING job
"""
_MARK_PURGED = "UPDATE jobs SET purged = ? WHERE instance = ? AND id = ? AND purged IS NULL"
_SET_OUTPUT = """
UPDATE jobs SET output = ? WHERE instance = ? AND id = ? AND output = 0 RETURNING key
"""
_MISS_OUTPUTS = "UPDATE jobs SET output = ? WHERE instance = ? AND output = 0"
_INSERT_OUTPUT = "INSERT INTO outputs (job, data) VALUES (?, ?)"
_T_RUN, _NODELIST = 1, 9
"""The places of the start and the nodelist among the facts of a job."""

_MAX_NOTE_CHARS = 4096
_PURGED_ID_BYTES = 64
_THIN_INTERVAL_S = 3600.0

_BAD_ITEM = (
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
    sqlite3.DataError,
    sqlite3.InterfaceError,
    sqlite3.IntegrityError,
)
"""Errors that only one item of a batch has."""


class Purge(NamedTuple):
    """A note that Flux has purged jobs, at a time in seconds since the epoch."""

    ids: tuple[int, ...]
    time: float

    @property
    def size(self) -> int:
        """Return the bytes that the note takes in memory."""
        return len(self.ids) * _PURGED_ID_BYTES


class EndedOutput(NamedTuple):
    """The packed output of a job; ``data`` is empty in states without one."""

    id: int
    state: OutputState
    data: bytes

    @property
    def size(self) -> int:
        """Return the bytes that the output takes in memory."""
        return len(self.data) + 128


class LostOutputs(NamedTuple):
    """A note that the instance is gone, with the outputs that were not read."""

    size: int = 64


Item: TypeAlias = EndedJob | Purge | EndedOutput | LostOutputs | Sample
"""An object that is written."""


def write(database: sqlite3.Connection, batch: Sequence[tuple[Source, Item]], now: float) -> int:
    """Write a batch in one transaction, and return the number of jobs that cannot be stored.

    A job that is stored already is not written again, but an exact detail replaces one that is not.
    An empty batch shows whether the database can be written.

    Raises:
        sqlite3.Error: Nothing was written.
    """
    with transaction(database):
        bad = _write(database, batch, now)
        if not batch:
            # A commit without a change writes nothing and would succeed on a full disk.
            database.execute("INSERT OR REPLACE INTO meta VALUES ('written', ?)", (now,))
    return bad


def _write(database: sqlite3.Connection, batch: Iterable[tuple[Source, Item]], now: float) -> int:
    places: dict[str, _Place] = {}
    nodelists: dict[str, int] = {}
    bad = 0
    for source, item in batch:
        try:
            place = places.get(source.id)
            if place is None or (not place.epoch and isinstance(item, EndedJob)):
                place = _place(database, source, item, now)
                if place is None:
                    continue
                places[source.id] = place
            _write_item(database, place, item, nodelists, now)
        # Such as a number of more than 64 bits: one item must not cost the others.
        except _BAD_ITEM:
            bad += isinstance(item, EndedJob)
    return bad


def _write_item(
    database: sqlite3.Connection,
    place: _Place,
    item: Item,
    nodelists: dict[str, int],
    now: float,
) -> None:
    if isinstance(item, Purge):
        marked = [(item.time, place.instance, it) for it in item.ids if it <= MAX_STORED_ID]
        database.executemany(_MARK_PURGED, marked)
    elif isinstance(item, LostOutputs):
        database.execute(_MISS_OUTPUTS, (int(OutputState.MISSED), place.instance))
    elif isinstance(item, EndedOutput):
        _write_output(database, place.instance, item)
    elif isinstance(item, Sample):
        write_sample(database, place.instance, item)
        _thin(database, now)
    else:
        _write_job(database, place, item, nodelists)


class _Place(NamedTuple):
    """The key of an instance, and the time from which its job IDs count."""

    instance: int
    epoch: int

    @classmethod
    def of(cls, row: Sequence[Any]) -> _Place:
        """Return the place of a row, which may be damaged."""
        key, epoch = row
        return cls(key, epoch if isinstance(epoch, int) else 0)


def _thin(database: sqlite3.Connection, now: float) -> None:
    """Replace old samples by averages, at most once an hour."""
    last = meta(database, "thinned")
    if not 0 <= now - last < _THIN_INTERVAL_S:
        thin(database, now)
        database.execute("INSERT OR REPLACE INTO meta VALUES ('thinned', ?)", (now,))


def _place(database: sqlite3.Connection, source: Source, item: Item, now: float) -> _Place | None:
    """Return the place of an instance, which its first job or sample creates."""
    if isinstance(item, Purge | EndedOutput | LostOutputs):
        known = database.execute(_SELECT_INSTANCE, (source.id,)).fetchone()
        return None if known is None else _Place.of(known)
    info = source.info
    # The IDs of a job tell from when they count; 0 is not known.
    epoch = epoch_of(item.id, item.facts[0]) if isinstance(item, EndedJob) else 0
    found = database.execute(
        _UPSERT_INSTANCE,
        (
            source.id,
            source.path,
            epoch,
            info.kind,
            info.hostname,
            info.version,
            info.owner,
            info.size,
            info.starttime,
            now,
            source.root,
        ),
    ).fetchone()
    return _Place.of(found)


def _write_job(
    database: sqlite3.Connection, place: _Place, job: EndedJob, nodelists: dict[str, int]
) -> None:
    detail, words = pack(job.detail), _words(job)
    facts = [encodable(fact) if isinstance(fact, str) else fact for fact in job.facts]
    facts[_NODELIST] = _nodelist(database, facts[_NODELIST], nodelists)
    # A job that has not started has no output to wait for.
    output = OutputState.UNREAD if facts[_T_RUN] else OutputState.NONE
    values = (place.instance, job.id, *facts, job.record, int(output))
    key = _insert(database, key_of(place.epoch, job.id), values)
    if key is not None:
        database.execute(_INSERT_DETAIL, (key, job.exact, detail))
    elif job.exact:
        replaced = database.execute(_REPLACE_DETAIL, (detail, place.instance, job.id)).fetchone()
        key = replaced[0] if replaced else None
    if key is not None:
        database.execute(_INSERT_WORDS, (key, *map(encodable, words)))


def _insert(database: sqlite3.Connection, key: int, values: Sequence[Any]) -> int | None:
    """Insert a job at *key* or one of the next, and return it; ``None`` if the job is stored."""
    for free in range(key, key + MAX_SAME_KEYS):
        try:
            inserted = database.execute(_INSERT_JOB, (free, *values)).rowcount
        except sqlite3.IntegrityError:
            continue
        return free if inserted == 1 else None
    raise sqlite3.IntegrityError(f"{MAX_SAME_KEYS} jobs have the key {key}")


def _write_output(database: sqlite3.Connection, instance: int, output: EndedOutput) -> None:
    found = database.execute(_SET_OUTPUT, (int(output.state), instance, output.id)).fetchone()
    if found is not None and output.data:
        database.execute(_INSERT_OUTPUT, (found[0], output.data))


def _nodelist(database: sqlite3.Connection, hosts: str, known: dict[str, int]) -> int:
    key = known.get(hosts)
    if key is None:
        database.execute("INSERT OR IGNORE INTO nodelists (hosts) VALUES (?)", (hosts,))
        (key,) = database.execute("SELECT key FROM nodelists WHERE hosts = ?", (hosts,)).fetchone()
        known[hosts] = key
    return int(key)


def _words(job: EndedJob) -> tuple[str, str, str, str]:
    """Return name, command, notes of exceptions, and other facts of a job."""
    _, _, _, _, result, userid, name, queue, *_ = job.facts
    other = f"{encode_f58(job.id)} {username(userid)} {queue} {result}"
    return name, command_of(job.detail.jobspec), _note(job.detail), other


def _note(detail: Detail) -> str:
    """Return the types and notes of the exceptions of a job, of bounded length."""
    if b'"exception"' not in detail.eventlog:
        return ""
    events = valid_events(detail.eventlog)
    notes = [
        f"{event.context.get('type')}: {event.context.get('note')}"
        for event in events
        if event.name == "exception" and event.context is not None
    ]
    return "\n".join(notes)[:_MAX_NOTE_CHARS]

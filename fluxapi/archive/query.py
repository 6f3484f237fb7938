"""Queries of stored jobs: the filters of the table, in SQL, newest first."""

from __future__ import annotations

import logging
import sqlite3
from dataclasses import dataclass
from functools import lru_cache
from heapq import merge
from itertools import islice
from math import inf
from operator import attrgetter
from typing import Any

import msgspec
from msgspec.structs import replace

from fluxapi.model.job import RESULTS, Job
from fluxapi.model.jobid import encode_f58
from fluxapi.model.record import encode
from fluxapi.table.query import JobQuery

from . import filters
from .database import IS_ID, MAX_STORED_ID
from .order import MAX_KEY, MAX_SAME_KEYS, first_key, key_of
from .stored_record import is_sound

__all__ = ["ArchivedJob", "Range", "by_result", "find", "find_one", "select", "sound_record"]

_log = logging.getLogger(__name__)

_MARGIN_S = 3600.0
"""Margin around times, since the key of a job is made of its ID, not of its ``t_submit``."""


class ArchivedJob(msgspec.Struct, frozen=True, gc=False):
    """One stored job.

    Attributes:
        key: Its place in the history, see :mod:`.order`.
        id: The job ID.
        record: Its record as JSON, with the member ``history``.
    """

    key: int
    id: int
    record: bytes


@dataclass(frozen=True)
class Range:
    """The part of the history that a query reads.

    Attributes:
        instance: The ID of an instance; ``None`` for all of them.
        below: A key; all jobs that are found have a lower one.
        below_id: A job ID of the instance; all jobs that are found have a lower one.
    """

    instance: str | None = None
    below: int | None = None
    below_id: int | None = None


_MAX_LOOKED_UP = 2000
"""Jobs whose words are looked up one by one, at about 10 µs each."""


@dataclass(frozen=True)
class Selection:
    """The parts of a statement that selects jobs.

    Attributes:
        tables: The tables, of which ``jobs`` and ``instances`` are two, as follows ``FROM``.
        where: The conditions.
        key: The column with the keys, by which to order.
        values: The values of the conditions.
    """

    tables: str
    where: str
    key: str
    values: list[Any]


_JOBS = "jobs JOIN instances ON instances.key = jobs.instance"
_WORDS = (
    "words CROSS JOIN jobs ON jobs.key = words.rowid "
    "JOIN instances ON instances.key = jobs.instance"
)
_FACT_TYPES = (
    ("userid", int), ("name", str), ("queue", str), ("result", str), ("t_submit", float),
    ("t_run", float), ("t_cleanup", float), ("t_inactive", float),
)  # fmt: skip
_FACTS = f"SELECT id, {', '.join(name for name, _ in _FACT_TYPES)} FROM jobs WHERE key = ?"  # noqa: S608 - constants
_COLUMNS = "jobs.key, jobs.id, jobs.record, jobs.purged, instances.id, instances.path"


def find(
    database: sqlite3.Connection, query: JobQuery, place: Range, *, limit: int
) -> list[ArchivedJob]:
    """Return up to *limit* jobs that match, newest first.

    Raises:
        sqlite3.Error: The database cannot be read.
    """
    pages = [_find(database, each, place, limit) for each in by_result(query)]
    return list(islice(merge(*pages, key=attrgetter("key"), reverse=True), limit))


def by_result(query: JobQuery) -> list[JobQuery]:
    """Return a query for each result: SQLite reads an index in order for one value only."""
    query = filters.of_results(query)
    if query.results is None or len(query.results) < 2:  # noqa: PLR2004 - one needs no merge
        return [query]
    if query.results >= frozenset(RESULTS):
        return [replace(query, results=None)]
    return [replace(query, results=frozenset([result])) for result in query.results]


def _find(
    database: sqlite3.Connection, query: JobQuery, place: Range, limit: int
) -> list[ArchivedJob]:
    found = select(database, query, place)
    if found is None:
        return []
    rows = database.execute(
        f"SELECT {_COLUMNS} FROM {found.tables} WHERE {found.where} "  # noqa: S608
        f"ORDER BY {found.key} DESC LIMIT ?",
        (*found.values, limit),
    )
    return [_archived(database, row) for row in rows]


def find_one(database: sqlite3.Connection, instance: str, jobid: int) -> ArchivedJob | None:
    """Return one job of one instance, or ``None``."""
    if jobid > MAX_STORED_ID:
        return None
    row = database.execute(
        f"SELECT {_COLUMNS} FROM jobs JOIN instances ON instances.key = jobs.instance "  # noqa: S608
        "WHERE instances.id = ? AND jobs.id = ?",
        (instance, jobid),
    ).fetchone()
    return None if row is None else _archived(database, row)


def _archived(database: sqlite3.Connection, row: tuple[Any, ...]) -> ArchivedJob:
    key, jobid, record, purged, instance, path = row
    record = sound_record(database, key, jobid, record)
    mark: dict[str, Any] = {
        "instance": instance if isinstance(instance, str) else "",
        "path": path if isinstance(path, str) else "",
    }
    if isinstance(purged, (int, float)):
        mark["purged"] = purged
    return ArchivedJob(key, jobid, record[:-1] + b',"history":' + msgspec.json.encode(mark) + b"}")


def sound_record(database: sqlite3.Connection, key: int, jobid: int, record: object) -> bytes:
    """Return a record, or if it is damaged, one with what other columns tell of the job."""
    if isinstance(record, bytes) and is_sound(record):
        return record
    _tell_damage(key, encode_f58(jobid))
    return _restored(database, key)


@lru_cache(maxsize=1024)
def _tell_damage(key: int, jobid: str) -> None:
    """Log that a record is damaged, once and not at each read."""
    _log.error("the record of the stored job %s (key %d) is damaged", jobid, key)


def _restored(database: sqlite3.Connection, key: int) -> bytes:
    """Return a record with what other columns tell of a job whose own record is damaged."""
    jobid, *row = database.execute(_FACTS, (key,)).fetchone()
    known: dict[str, Any] = {
        name: value
        for (name, kind), value in zip(_FACT_TYPES, row, strict=True)
        # JSON has no infinite numbers.
        if isinstance(value, kind) and value and value not in {inf, -inf}
    }
    return encode(Job(jobid, state="INACTIVE", **known))


def select(database: sqlite3.Connection, query: JobQuery, place: Range) -> Selection | None:
    """Return the statement parts that select the matches, ``None`` if there can be none."""
    instances = _instances(database, place.instance)
    if not instances:
        return None
    conditions = filters.conditions(database, query, list(instances))
    if conditions is None:
        return None
    lowest, highest = _keys(query, place, instances)
    conditions.add("jobs.key >= ? AND jobs.key < ?", lowest, highest)
    conditions.add(IS_ID)
    if place.below_id is not None:
        conditions.add("jobs.id < ?", min(place.below_id, MAX_STORED_ID))
    words = filters.match(query.text) if query.text else ""
    if not words:
        return Selection(_JOBS, conditions.text, "jobs.key", conditions.values)
    if _are_few(database, conditions):
        conditions.add(
            "EXISTS (SELECT 1 FROM words WHERE words MATCH ? AND words.rowid = jobs.key)", words
        )
        return Selection(_JOBS, conditions.text, "jobs.key", conditions.values)
    # The index of words is read in the order of keys, so it comes first.
    conditions.add("words MATCH ? AND words.rowid >= ? AND words.rowid < ?", words, lowest, highest)
    return Selection(_WORDS, conditions.text, "words.rowid", conditions.values)


def _are_few(database: sqlite3.Connection, conditions: filters.Conditions) -> bool:
    """Return whether so few jobs meet *conditions* that each can be looked up by its words."""
    (count,) = database.execute(
        f"SELECT count(*) FROM (SELECT 1 FROM jobs WHERE {conditions.text} LIMIT ?)",  # noqa: S608
        (*conditions.values, _MAX_LOOKED_UP + 1),
    ).fetchone()
    return bool(count <= _MAX_LOOKED_UP)


def _instances(database: sqlite3.Connection, instance: str | None) -> dict[int, int]:
    """Return the epochs of the instances by their keys."""
    if instance is None:
        return dict(database.execute("SELECT key, epoch FROM instances").fetchall())
    return dict(
        database.execute("SELECT key, epoch FROM instances WHERE id = ?", (instance,)).fetchall()
    )


def _keys(query: JobQuery, place: Range, instances: dict[int, int]) -> tuple[int, int]:
    """Return the range of keys in which all matches are."""
    lowest, highest = 0, MAX_KEY
    if query.since is not None:
        lowest = first_key(query.since - _MARGIN_S)
    if query.until is not None:
        highest = first_key(query.until + _MARGIN_S)
    if place.below is not None:
        highest = min(highest, place.below)
    if len(instances) == 1:
        (epoch,) = instances.values()
    else:
        epoch = None
    # A damaged row has a value of another type, so its jobs are not found by their keys.
    if place.below_id is not None and isinstance(epoch, int) and epoch >= 0:
        # A job whose key was taken has one of the next keys.
        highest = min(highest, key_of(epoch, min(place.below_id, MAX_STORED_ID)) + MAX_SAME_KEYS)
    return lowest, highest

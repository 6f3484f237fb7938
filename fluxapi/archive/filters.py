"""The filters of a query of jobs, as conditions in SQL."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from msgspec.structs import replace

from fluxapi.model.hostlist import holds_host
from fluxapi.model.job import RESULTS
from fluxapi.model.usernames import username
from fluxapi.table.name_pattern import is_pattern, prefix, test_of
from fluxapi.table.query import JobQuery

from .database import MAX_STORED_ID, NAME_MATCHES

__all__ = ["Conditions", "conditions", "match", "of_results"]

_MAX_USERS = 10_000
_MAX_NAMES = 200
"""Names with the same beginning that are looked up one by one; more are found soon anyway."""

_MAX_MARKS = 1000
"""Values that a statement names one by one."""

_WORD = re.compile(r"\w+\*?")
_MAX_WORDS = 16
_LAST_CHARACTER = "\U0010ffff"


@dataclass
class Conditions:
    """Conditions that all must hold, and their values."""

    texts: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Return the conditions as one."""
        return " AND ".join(self.texts)

    def add(self, text: str, *values: Any) -> None:
        """Add a condition with a ``?`` for each of *values*."""
        self.texts.append(text)
        self.values.extend(values)

    def add_any(self, column: str, values: Iterable[Any]) -> None:
        """Add the condition that *column* has one of *values*."""
        found = list(values)
        if len(found) > _MAX_MARKS:
            # A statement may have some ten thousand values.
            self.add(f"{column} IN (SELECT value FROM json_each(?))", json.dumps(found))  # noqa: S608 - a column
            return
        self.add(f"{column} IN ({','.join('?' * len(found))})", *found)


def conditions(
    database: sqlite3.Connection, query: JobQuery, instances: Sequence[int]
) -> Conditions | None:
    """Return the conditions of *query*, without its text; ``None`` if no stored job can match.

    Args:
        database: Gives the users and nodes that are stored.
        query: The filters.
        instances: The keys of the instances whose jobs are wanted.
    """
    query = of_results(query)
    if query.results == frozenset() or query.held:
        return None
    found = Conditions()
    found.add_any("jobs.instance", instances)
    _add_facets(found, query)
    _add_times(found, query)
    if query.user is not None:
        found.add_any("jobs.userid", _userids(database, query.user, instances))
    if query.name is not None:
        _add_name(database, found, query.name, instances)
    if query.node is not None:
        found.add_any("jobs.nodelist", _nodelists(database, query.node))
    return found


def of_results(query: JobQuery) -> JobQuery:
    """Return the same query for stored jobs, which are all inactive: results instead of states."""
    if query.states is None or "INACTIVE" in query.states:
        return replace(query, states=None)
    results = query.states & frozenset(RESULTS)
    return replace(
        query, states=None, results=results if query.results is None else results & query.results
    )


def _add_facets(found: Conditions, query: JobQuery) -> None:
    if query.results is not None:
        found.add_any("jobs.result", sorted(query.results))
    if query.queue is not None:
        found.add("jobs.queue = ?", query.queue)
    if query.group is not None:
        found.add("jobs.group_id = ? AND jobs.group_id != ''", query.group)
    if query.ids is not None:
        found.add_any("jobs.id", [jobid for jobid in query.ids if jobid <= MAX_STORED_ID])
    if query.name_part is not None:
        found.add("instr(lower(jobs.name), lower(?))", query.name_part)


def _add_times(found: Conditions, query: JobQuery) -> None:
    if query.since is not None:
        found.add("jobs.t_submit >= ?", query.since)
    if query.until is not None:
        found.add("jobs.t_submit < ?", query.until)
    if query.ended is not None:
        found.add("jobs.t_inactive >= ?", query.ended)
    if query.ended_until is not None:
        found.add("jobs.t_inactive < ?", query.ended_until)


def _add_name(
    database: sqlite3.Connection, found: Conditions, name: str, instances: Sequence[int]
) -> None:
    if not is_pattern(name):
        found.add("jobs.name = ?", name)
        return
    names = {
        known
        for instance in instances
        for known in islice(_distinct(database, "name", instance, prefix(name)), _MAX_NAMES + 1)
    }
    if len(names) <= _MAX_NAMES:
        matches = test_of(name)
        found.add_any("jobs.name", sorted(filter(matches, names)))
    else:
        found.add(f"{NAME_MATCHES}(?, CAST(jobs.name AS BLOB))", name)


def _userids(database: sqlite3.Connection, user: str, instances: Sequence[int]) -> list[int]:
    """Return the IDs of users with jobs in these instances, and this name or ID."""
    found = {
        userid
        for instance in instances
        for userid in islice(_distinct(database, "userid", instance, None), _MAX_USERS)
        # A damaged row may have a value of any type in any column.
        if isinstance(userid, int) and user in {str(userid), username(userid)}
    }
    return sorted(found)


def _distinct(
    database: sqlite3.Connection, column: str, instance: int, start: str | None
) -> Iterator[Any]:
    """Yield the values of an indexed column in order, each by one step of the index.

    With a *start*, yield the texts that begin with it.
    """
    value: Any = -1 if start is None else start
    comparison = ">" if start is None else ">="
    end = "" if start is None else f"AND {column} < ?"
    while True:
        (value,) = database.execute(
            f"SELECT min({column}) FROM jobs "  # noqa: S608
            f"WHERE instance = ? AND {column} {comparison} ? {end}",
            (instance, value, *([] if start is None else [start + _LAST_CHARACTER])),
        ).fetchone()
        if value is None:
            return
        yield value
        comparison = ">"


def _nodelists(database: sqlite3.Connection, host: str) -> list[int]:
    found: list[int] = []
    for key, hosts in database.execute("SELECT key, hosts FROM nodelists"):
        with contextlib.suppress(ValueError):  # It is damaged.
            if isinstance(hosts, str) and holds_host(hosts, host):
                found.append(key)
    return found


def match(text: str) -> str:
    """Return the expression of FTS5 for *text*, in which ``*`` after a word stands for any rest."""
    words = _WORD.findall(text.replace("ƒ", "f"))[:_MAX_WORDS]
    return " ".join(f'"{word[:-1]}"*' if word.endswith("*") else f'"{word}"' for word in words)

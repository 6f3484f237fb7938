"""The instances of a history, and which of them is which."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple

from fluxapi.errors import HistoryUnavailable, InstanceNotFound
from fluxapi.model.jobid import parse
from fluxapi.model.message import problem

__all__ = [
    "PastInstance",
    "count_failures",
    "count_jobs",
    "find_instance",
    "list_children",
    "list_instances",
    "select_instances",
]

_MAX_CHILDREN = 10_000
_MIN_ID_LENGTH = 4
"""Characters of the beginning of an ID that may stand for it."""

_SELECT = """
SELECT key, id, CASE WHEN path = '' THEN id ELSE root END, path, kind, hostname, version, owner,
size, starttime, last_seen FROM instances
"""


class PastInstance(NamedTuple):
    """One instance as the history knows it.

    Attributes:
        key: Its number in this database.
        id: Its ID, which outlives its restarts.
        root: The ID of the root of its tree; empty if it is not known.
        path: Its place in that tree.
        last_seen: When a service stored something of it last, seconds since the epoch.
    """

    key: int
    id: str
    root: str
    path: str
    kind: str
    hostname: str
    version: str
    owner: int
    size: int
    starttime: float
    last_seen: float

    @classmethod
    def of(cls, row: Sequence[Any]) -> PastInstance | None:
        """Return the instance of a row, or ``None`` if its ID is damaged.

        A damaged row may have a value of any type in any column. Such a value is not known.
        """
        values: list[Any] = [
            value if isinstance(value, type(unknown)) else unknown
            for value, unknown in zip(row, _UNKNOWN, strict=True)
        ]
        found = cls(*values)
        return found if found.id else None

    def record(self) -> dict[str, Any]:
        """Return the instance as the API describes it."""
        return {name: value for name, value in self._asdict().items() if name != "key"}


_UNKNOWN = PastInstance(0, "", "", "", "", "", "", -1, 0, 0.0, 0.0)


def list_instances(
    database: sqlite3.Connection, *, limit: int = 1000, root: str | None = None
) -> list[PastInstance]:
    """Return instances, those that were seen last first.

    Args:
        database: A connection.
        limit: Return at most so many.
        root: Return only those below the root with this ID.
    """
    where, values = ("", ()) if root is None else ("WHERE root = ? AND path != ''", (root,))
    found = database.execute(
        f"{_SELECT} {where} ORDER BY last_seen DESC, key DESC LIMIT ?", (*values, limit)
    )
    return list(filter(None, map(PastInstance.of, found)))


def select_instances(database: sqlite3.Connection, ids: Sequence[str]) -> dict[str, PastInstance]:
    """Return the instances with these IDs, by ID; as many as the history has."""
    places = ", ".join("?" * len(ids))
    rows = database.execute(f"{_SELECT} WHERE id IN ({places})", ids)
    return {one.id: one for one in map(PastInstance.of, rows) if one is not None}


def list_children(database: sqlite3.Connection, parent: PastInstance) -> dict[int, str]:
    """Return the IDs of the instances that were jobs of *parent*, by the IDs of these jobs."""
    if not parent.root:
        return {}
    prefix = f"{parent.path}/".lstrip("/")
    found: dict[int, str] = {}
    # Two instances of one job, as after a restart: the one that was seen last.
    for one in reversed(list_instances(database, limit=_MAX_CHILDREN, root=parent.root)):
        jobid = one.path.removeprefix(prefix)
        if one.path.startswith(prefix) and "/" not in jobid:
            with contextlib.suppress(ValueError):
                found[parse(jobid)] = one.id
    return found


def count_jobs(database: sqlite3.Connection) -> dict[int, int]:
    """Return the number of jobs of each instance, by its key."""
    return dict(database.execute("SELECT instance, count(*) FROM jobs GROUP BY instance"))


def count_failures(
    database: sqlite3.Connection, instances: Sequence[PastInstance]
) -> dict[str, dict[str, int]]:
    """Return how many jobs of these instances failed, by path and result; those with none lack."""
    found: dict[str, dict[str, int]] = {}
    for one in reversed(instances):
        rows = database.execute(
            "SELECT result, count(*) FROM jobs WHERE instance = ? AND result IN "
            "('FAILED', 'TIMEOUT') GROUP BY result",
            (one.key,),
        )
        if counts := dict(rows):
            # Two instances of one job, as after a restart: the one that was seen last.
            found[one.path] = counts
    return found


def find_instance(database: sqlite3.Connection, text: str | None) -> PastInstance:
    """Return the instance whose ID begins with *text*, or the root that was seen last.

    Raises:
        InstanceNotFound: There is none, or there are several.
        HistoryUnavailable: The history has no instance at all.
    """
    if text is None:
        # A child is shown below its root, unless the root has left nothing.
        order = "ORDER BY path != '', typeof(last_seen) = 'real' DESC, last_seen DESC, key DESC"
        newest = filter(None, map(PastInstance.of, database.execute(f"{_SELECT} {order}")))
        if (one := next(newest, None)) is None:
            raise HistoryUnavailable(problem("history_empty"))
        return one
    found = database.execute(
        f"{_SELECT} WHERE substr(id, 1, ?) = ? LIMIT 2", (len(text), text)
    ).fetchall()
    if len(found) == 1 and len(text) >= _MIN_ID_LENGTH:
        one = PastInstance.of(found[0])
        if one is not None:
            return one
    why = "Several instances of the history have IDs that begin" if found else (
        "No instance of the history has an ID that begins"
    )  # fmt: skip
    raise InstanceNotFound(
        f"{why} with {text[:64]!r}; GET /v1/history/instances and fluxapi history instances list "
        "the IDs."
    )

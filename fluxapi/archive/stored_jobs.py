"""The stored jobs of one instance, as messages of a journal and as Flux's own texts."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import msgspec

from fluxapi.model.eventlog import JournalMessage, decode_journal

from .database import IS_ID
from .ended_job import unpack
from .query import sound_record

__all__ = ["PAGE_JOBS", "Listing", "compare", "listing", "read_ids", "read_jobs"]

PAGE_JOBS = 256
"""Jobs that are read and decoded in one turn of a thread, some ten milliseconds."""

_READ = """
SELECT jobs.key, jobs.id, data, record FROM jobs LEFT JOIN details ON details.job = jobs.key
"""

_URGENCY = 16
"""The default of Flux."""

_encoder = msgspec.json.Encoder()


class Listing(NamedTuple):
    """The jobs of an instance that a table takes.

    Attributes:
        after: The jobs have greater IDs.
        total: Jobs of the instance, those with smaller IDs included.
        written: When a job of the instance was stored last.
    """

    after: int
    total: int
    written: float


class Difference(NamedTuple):
    """The jobs of a listing, and how it differs from an earlier one."""

    ids: array[int]
    new: list[int]
    gone: list[int]


def listing(database: sqlite3.Connection, instance: int, max_jobs: int) -> Listing:
    """Return which jobs of an instance are the newest *max_jobs*."""
    (total,) = database.execute(
        f"SELECT count(*) FROM jobs WHERE instance = ? AND {IS_ID}",  # noqa: S608 - constants
        (instance,),
    ).fetchone()
    left_out = database.execute(
        f"SELECT id FROM jobs WHERE instance = ? AND {IS_ID} ORDER BY id DESC LIMIT 1 OFFSET ?",  # noqa: S608 - constants
        (instance, max_jobs),
    ).fetchone()
    (written,) = database.execute(
        "SELECT last_seen FROM instances WHERE key = ?", (instance,)
    ).fetchone()
    return Listing(-1 if left_out is None else left_out[0], total, written)


def read_ids(database: sqlite3.Connection, instance: int, after: int) -> array[int]:
    """Return the IDs of all jobs of an instance with greater IDs, in ascending order."""
    found = database.execute(
        f"SELECT id FROM jobs WHERE instance = ? AND id > ? AND {IS_ID} ORDER BY id",  # noqa: S608 - constants
        (instance, after),
    )
    return array("Q", (jobid for (jobid,) in found))


def compare(
    database: sqlite3.Connection, instance: int, *, after: int, known: array[int]
) -> Difference:
    """Return the jobs of an instance, and how they differ from those that are *known*."""
    ids = read_ids(database, instance, after)
    if ids == known:
        return Difference(ids, [], [])
    before, now = set(known), set(ids)
    return Difference(ids, sorted(now - before), sorted(before - now))


def read_jobs(
    database: sqlite3.Connection, instance: int, *, ids: Sequence[int]
) -> list[JournalMessage]:
    """Return the messages that a journal sends of some jobs in its backlog."""
    marks = ",".join("?" * len(ids))
    found = database.execute(
        f"{_READ} WHERE instance = ? AND jobs.id IN ({marks}) ORDER BY jobs.id", (instance, *ids)
    )
    return [
        _message(jobid, data, partial(sound_record, database, key, jobid, record))
        for key, jobid, data, record in found.fetchall()
    ]


def _message(jobid: int, data: bytes | None, record: Callable[[], bytes]) -> JournalMessage:
    """Return the message that a journal sends of a job in its backlog.

    A job whose eventlog was too large to keep, or is damaged, is made from its record.
    """
    try:
        detail = unpack(data or b"")
        # The same decoder as for the journal of a broker, with the same limits.
        message = decode_journal(
            b'{"id":%d,"events":[%b],"jobspec":%b,"R":%b}'
            % (
                jobid,
                b",".join(line for line in detail.eventlog.split(b"\n") if line),
                detail.jobspec or b"null",
                detail.R or b"null",
            )
        )
    except (ValueError, RecursionError):
        message = JournalMessage(jobid, [])
    if any(event.name == "clean" for event in reversed(message.events)):
        return message
    return _derived(jobid, record())


def _derived(jobid: int, record: bytes) -> JournalMessage:
    """Return a message with the events that lead to a record."""
    job = msgspec.json.decode(record, type=dict[str, Any])
    events: list[dict[str, Any]] = []

    def add(member: str, name: str, **context: Any) -> None:
        if member in job:
            entry: dict[str, Any] = {"timestamp": job[member], "name": name}
            events.append(entry | ({"context": context} if context else {}))

    urgency = job.get("urgency", _URGENCY)
    add("t_submit", "submit", userid=job["userid"], urgency=urgency, flags=0, version=1)
    add("t_depend", "validate")
    add("t_priority", "depend")
    add("t_sched", "priority", priority=job.get("priority", urgency))
    add("t_run", "alloc")
    add("t_run", "start")
    exception = job.get("exception", {})
    if exception.get("occurred"):
        # The first event after the start tells when the job ended.
        add(
            "t_cleanup" if "t_cleanup" in job else "t_inactive", "exception",
            type=exception.get("type", ""), severity=exception.get("severity", 0),
            note=exception.get("note", ""),
        )  # fmt: skip
    if "waitstatus" in job:
        add("t_cleanup", "finish", status=job["waitstatus"])
    add("t_inactive", "clean")
    system = {
        name: job[name] for name in ("cwd", "queue", "bank", "project", "duration") if name in job
    }
    attributes = {"system": system | {"job": {"name": job.get("name", "")}}}
    jobspec = {"attributes": attributes} | _requested(job)
    document = {"id": jobid, "events": events, "jobspec": jobspec, "R": _resources(job)}
    return decode_journal(_encoder.encode(document))


def _requested(job: Mapping[str, Any]) -> dict[str, Any]:
    """Return the resources and the tasks of a jobspec that lead to those of a record."""
    nodes, cores = job.get("nnodes", 0), job.get("ncores", 0)
    if max(nodes, cores) <= 0:
        return {}
    core = {"type": "core", "count": max(cores // max(nodes, 1), 1)}
    slot = {"type": "slot", "count": 1, "label": "task", "with": [core]}
    # Of whole nodes that the job never had, nobody knows the cores.
    node = {"type": "node", "count": nodes, "with": [slot], "exclusive": "ncores" not in job}
    resources = [node if nodes > 0 else slot]
    count = {"total": job["ntasks"]} if "ntasks" in job else {"per_slot": 1}
    return {"resources": resources, "tasks": [{"slot": "task", "count": count}]}


def _resources(job: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return an R with the nodes and cores of a record, if it tells of them."""
    nodes, cores = job.get("nnodes", 0), job.get("ncores", 0)
    if not (nodes > 0 and cores > 0 and "ranks" in job) or cores % nodes:
        return None
    entry = {"rank": job["ranks"], "children": {"core": f"0-{cores // nodes - 1}"}}
    execution = {"R_lite": [entry], "nodelist": [job.get("nodelist", "")]}
    return {"version": 1, "execution": execution | {"expiration": job.get("expiration", 0.0)}}

"""The record of a job in the API.

It equals that of ``flux jobs --json`` (``JobInfo.to_dict`` in flux/job/info.py) with seven
differences: ``id`` is the plain F58 string and there is no ``jobid``; ``dependencies`` are as Flux
stores them; ``revision`` is the number of folded eventlog entries, without memos; ``group`` and
``group_name`` are the group of the job, ``cc`` is its number by ``--cc``; ``truncated`` names the
fields that were cut to the limits of a record; and fields that depend on the current time
(``t_remaining``, ``runtime`` of a running job) are left to the reader, who can compute them from
``t_run`` and ``expiration``.
"""

from __future__ import annotations

import os
from typing import Any

import msgspec

from .counts import Counts
from .job import GROUPS, Job
from .jobid import encode_f58
from .usernames import is_settled, username

__all__ = ["encode", "is_final", "record", "returncode", "waiting"]

_CANCELED_BEFORE_RUN = -128
"""``returncode`` of a job that was canceled before it ran (flux/job/info.py)."""


def record(job: Job) -> dict[str, Any]:
    """Return the record of a job: RFC 43 names, without unset attributes."""
    inactive = job.state == "INACTIVE"
    document: dict[str, Any] = {
        "id": encode_f58(job.id),
        "revision": job.nevents,
        "state": job.state,
        "status": job.result if inactive else job.state,
        "userid": job.userid,
        "username": username(job.userid),
        "urgency": job.urgency,
        "duration": job.duration,
        "dependencies": job.dependencies,
        "exception": job.exception if inactive and job.exception else {"occurred": False},
    }
    if job.has_priority:
        document["priority"] = job.priority
    if inactive:
        document["result"] = job.result
        document["success"] = job.success
        code = returncode(job)
        if code is not None:
            document["returncode"] = code
    if job.waitstatus >= 0:
        document["waitstatus"] = job.waitstatus
    _add_set(job, document)
    _add_counts(job, document)
    _add_annotations(job, document)
    return document


def is_final(job: Job) -> bool:
    """Return whether the record stays the same until the job changes: the user's name is known."""
    return is_settled(job.userid)


def _add_set(job: Job, document: dict[str, Any]) -> None:
    for key in ("name", "cwd", "queue", "bank", "project"):
        text = getattr(job, key)
        if text:
            document[key] = text
    if job.cc:
        document["cc"] = job.cc
    if job.membership is not None:
        document["group"] = job.membership.id
        if job.membership.name:
            document["group_name"] = job.membership.name
    for key in (
        "t_submit",
        "t_depend",
        "t_priority",
        "t_sched",
        "t_run",
        "t_cleanup",
        "t_inactive",
    ):
        time = getattr(job, key)
        if time:
            document[key] = time
    if job.t_run and job.t_cleanup:
        document["runtime"] = job.t_cleanup - job.t_run


def _add_counts(job: Job, document: dict[str, Any]) -> None:
    counts, given = job.counts, job.allocation
    if counts is not None:
        ntasks = counts.ntasks(given)
        if ntasks is not None:
            document["ntasks"] = ntasks
        ncores = given.ncores if given else counts.ncores
        nnodes = given.nnodes if given else counts.nnodes
        if ncores is not None:
            document["ncores"] = ncores
        if nnodes:
            document["nnodes"] = nnodes
        if job.state in GROUPS["PENDING"]:
            document.update(_limits(counts))
    if given is not None:
        document["ranks"] = given.ranks
        if given.nodelist:
            document["nodelist"] = given.nodelist
        if job.expiration:
            document["expiration"] = job.expiration


def _limits(counts: Counts) -> dict[str, Any]:
    """Return what limits the nodes and cores on which a job can start."""
    found: dict[str, Any] = {}
    if counts.properties:
        found["properties"] = counts.properties
    if counts.gpus:
        found["ngpus"] = counts.gpus
    if counts.constrained or counts.others:
        found["constrained"] = True
    return found


def _add_annotations(job: Job, document: dict[str, Any]) -> None:
    annotations = job.annotations or {}
    user = annotations.get("user")
    uri = user.get("uri") if isinstance(user, dict) else None
    if isinstance(user, dict) and isinstance(uri, str):
        document["uri"] = uri
        rest = {key: value for key, value in user.items() if key != "uri"}
        annotations = {key: value for key, value in annotations.items() if key != "user"}
        if rest:
            annotations["user"] = rest
    document["annotations"] = annotations
    if job.truncated:
        document["truncated"] = job.truncated


def waiting(job: Job) -> dict[str, Any]:
    """Return those fields of the record of a pending job that tell why it waits.

    A list may have ten thousand pending jobs, and the whole record takes ten times as long.
    """
    known = job.counts and (job.allocation or job.counts)
    return {
        "id": encode_f58(job.id),
        "state": job.state,
        "urgency": job.urgency,
        "priority": job.priority if job.has_priority else None,
        "queue": job.queue,
        "dependencies": job.dependencies,
        "annotations": job.annotations,
        "nnodes": known and known.nnodes,
        "ncores": known and known.ncores,
        **(_limits(job.counts) if job.counts else {}),
    }


def returncode(job: Job) -> int | None:
    """Return the exit code, or the negative signal number, of a job that ran.

    A job that was canceled before it ran has −128, one that failed before it started has 1, as in
    Flux; other jobs have ``None``.
    """
    if job.waitstatus < 0:
        return {"CANCELED": _CANCELED_BEFORE_RUN, "FAILED": 1}.get(job.result or "")
    if os.WIFSIGNALED(job.waitstatus):
        return -os.WTERMSIG(job.waitstatus)
    return os.WEXITSTATUS(job.waitstatus)


_encoder = msgspec.json.Encoder()


def encode(job: Job) -> bytes:
    """Encode the :func:`record` of a job as JSON."""
    return _encoder.encode(record(job))

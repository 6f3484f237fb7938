"""The start of a job that waits for others, as far as their time limits tell it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from fluxapi.model.humanize import utc
from fluxapi.model.job import Job
from fluxapi.model.jobid import encode_f58, parse

from .visible import SHORT, visible

__all__ = ["start_of"]

_MAX_DEPENDENCIES = 24
"""Dependencies of a job that are looked at; of a job with more, nothing is told."""

_NEVER = math.inf

_AFTER_END = frozenset({"after-success", "after-failure", "after-finish"})


def start_of(find: Callable[[int], Job | None], record: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return which job bounds the start of a job that waits only for running jobs to end.

    The member ``name`` is that of the job that may end last, and ``at`` and ``moment`` are when its
    time limit ends; ``at`` is ``None`` for a job without a limit. The return value is ``None`` if
    nothing is known.
    """
    given = record.get("dependencies") or ()
    if record["state"] != "DEPEND" or not 0 < len(given) <= _MAX_DEPENDENCIES:
        return None
    targets: list[Job] = []
    for dependency in given:
        target = _target(find, dependency)
        if target is None or target.state != "RUN":
            return None
        targets.append(target)
    last = max(targets, key=_end)
    at = _end(last)
    name = visible(last.name or encode_f58(last.id), SHORT)
    if at == _NEVER:
        return {"name": name, "at": None, "moment": ""}
    moment = utc(at)
    return {"name": name, "at": at, "moment": moment} if moment else None


def _end(job: Job) -> float:
    # The limit of a running job can be changed, which moves only its expiration.
    if job.expiration:
        return job.expiration
    return job.t_run + job.duration if job.duration else _NEVER


def _target(find: Callable[[int], Job | None], dependency: str) -> Job | None:
    scheme, _, value = dependency.partition("=")
    if scheme not in _AFTER_END:
        return None
    try:
        return find(parse(value))
    except ValueError:
        return None

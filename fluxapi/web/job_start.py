"""The start of a job that waits: its place in the line, and when it may start."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from fluxapi.model.humanize import utc
from fluxapi.model.job import Job
from fluxapi.model.jobid import encode_f58, parse
from fluxapi.model.reason import estimated_start

from .visible import SHORT, visible
from .words import Words

__all__ = ["latest_of", "line_of", "start_of"]

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


def line_of(
    line: Mapping[str, Any] | None,
    record: Mapping[str, Any],
    now: float,
    words: Words,
    *,
    is_blocked: bool,
) -> str:
    """Return sentences on the place of a job in its queue, and on why it has no start time.

    Args:
        line: Its place, as ``QueueBoard.line`` returns it.
        record: The record of the job.
        now: The current time.
        words: The texts of the page.
        is_blocked: The job cannot start as things are, which the reason says already.
    """
    if line is None:
        return ""
    place, total, queue = line["place"], line["waiting"], visible(record.get("queue") or "", SHORT)
    if total == 1:
        sentence = words.text("job.line_alone")
    elif queue:
        sentence = words.text("job.line_of_queue", place=place, total=total, queue=queue)
    else:
        sentence = words.text("job.line", place=place, total=total)
    if is_blocked or estimated_start(record, now) is not None:
        return sentence
    if line.get("latest_start", 0.0) > now:
        return sentence
    if line.get("is_unbounded"):
        why = "job.no_limits"
    else:
        why = "job.not_planned" if line["has_estimates"] else "job.no_estimate"
    return f"{sentence} {words.text(why)}"


def latest_of(
    line: Mapping[str, Any] | None, record: Mapping[str, Any], now: float, *, is_blocked: bool
) -> dict[str, Any] | None:
    """Return when a job starts at the latest; ``None`` if that is not known or not to come.

    The arguments are those of :func:`line_of`.
    """
    at = (line or {}).get("latest_start", 0.0)
    if at <= now or is_blocked or estimated_start(record, now) is not None or not utc(at):
        return None
    return {"at": at, "moment": utc(at)}


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

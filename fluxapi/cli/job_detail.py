"""The details of a job, and one line per event."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from fluxapi.model.duration import duration

from .fields import JobFields
from .ids import shown_id
from .text import plural, safe

if TYPE_CHECKING:
    from fluxapi.client import Dependencies, Event, Job

__all__ = ["event_line", "graph_lines", "lines", "state"]

_URGENCIES = {0: " (held)", 16: "", 31: " (expedited)"}


def lines(job: Job, now: float) -> Iterator[str]:
    """Yield the details of a job at ``now`` (seconds since the epoch) as ``name: value`` lines."""
    for name, value in _facts(job, now):
        if value:
            yield f"{name + ':':<13}{safe(value)}"


def _facts(job: Job, now: float) -> Iterator[tuple[str, str]]:
    yield "id", shown_id(job.id)
    yield "name", job.name or ""
    yield "user", job.username or str(job.userid or "")
    yield "state", state(job, now)
    yield "submitted", _moment(job.t_submit)
    yield "started", _moment(job.t_run)
    yield "ended", _moment(job.t_cleanup or job.t_inactive)
    purged = _moment(job.history.purged) if job.history else ""
    yield "purged", f"{purged}; this is the record of the history" if purged else ""
    elapsed = job.elapsed(now)
    yield "ran" if job.t_cleanup else "running for", "" if elapsed is None else duration(elapsed)
    yield "time limit", duration(job.duration) if job.duration else "none"
    yield "size", ", ".join(_size(job))
    yield "nodes", job.nodelist or ""
    yield "ranks", job.ranks or ""
    yield "queue", job.queue or ""
    yield "bank", job.bank or ""
    yield (
        "urgency",
        "" if job.urgency is None else f"{job.urgency}{_URGENCIES.get(job.urgency, '')}",
    )
    yield "priority", "" if job.priority is None or not job.is_active else str(job.priority)
    yield "waits for", JobFields(job, now).dependencies
    yield "directory", job.cwd or ""
    yield "instance", job.uri or ""
    yield "annotations", json.dumps(job.annotations) if job.annotations else ""


def _size(job: Job) -> Iterator[str]:
    for count, noun in ((job.ntasks, "task"), (job.ncores, "core"), (job.nnodes, "node")):
        if count is not None:
            yield plural(count, noun)


def _moment(timestamp: float | None) -> str:
    if not timestamp:
        return ""
    return f"{datetime.fromtimestamp(timestamp).astimezone():%Y-%m-%d %H:%M:%S %z}"


def state(job: Job, now: float) -> str:
    """Return the state, with why a pending job waits or an inactive one did not complete."""
    fields = JobFields(job, now)
    if job.is_active:
        return f"{job.state}: {fields.info}" if job.t_run is None and fields.info else job.state
    return f"{job.status}: {fields.note}" if fields.note else job.status


def event_line(event: Event) -> str:
    """Format an event as ``TIME NAME key=value …``, as ``flux job eventlog`` does."""
    context = " ".join(
        f"{key}={json.dumps(value, ensure_ascii=False, separators=(',', ':'))}"
        for key, value in (event.context or {}).items()
    )
    return safe(f"{event.timestamp:.6f} {event.name} {context}".rstrip())


def graph_lines(graph: Dependencies) -> Iterator[str]:
    """Yield a line for each job of a graph: its ID, state and name, and what it waits for."""
    for job in graph.jobs:
        waits = ", ".join(
            f"{link.scheme}:{shown_id(link.after)}" for link in graph.links if link.job == job.id
        )
        words = (shown_id(job.id), job.status or "not known", job.name or "", waits)
        yield safe("  ".join(word for word in words if word))
    if graph.more:
        yield "…"

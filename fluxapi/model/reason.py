"""The reason why a job waits, in one phrase.

It depends on the job's record, the queue's state and the free nodes. The table of the dashboard
chooses among the same phrases with each new figure (``frontend/src/ui/situation.js``), so that its
rows change at once and no row is sent again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .jobid import FANCY_PREFIX
from .phrases import Say, english

__all__ = [
    "PENDING",
    "Situation",
    "Supply",
    "dependency",
    "estimated_start",
    "is_blocked",
    "reason",
    "utc",
]

PENDING = frozenset({"DEPEND", "PRIORITY", "SCHED"})
"""States of a job that waits for something."""

_AFTER = {
    "after-start": "waits.after_start",
    "after-success": "waits.after_success",
    "after-failure": "waits.after_failure",
    "after-finish": "waits.after_finish",
}
"""The phrases of the dependencies that flux-core itself describes (RFC 26), by their schemes as the
job manager writes them.
"""


@dataclass(frozen=True, slots=True)
class Supply:
    """The numbers of nodes or cores in total, up, and free of jobs."""

    total: int
    up: int
    free: int


@dataclass(frozen=True, slots=True)
class Situation:
    """The known state of queues and nodes; ``None`` is unknown, and gives no reason.

    ``stopped`` maps the queues that start no jobs to the reasons that Flux gives. A disabled queue
    still starts the jobs that it has, so it is no reason to wait. ``partial`` has the queues that
    require properties of their nodes, which those that are free may not have.
    """

    stopped: Mapping[str, str] = field(default_factory=dict)
    partial: frozenset[str] = frozenset()
    nodes: Supply | None = None
    cores: Supply | None = None

    @classmethod
    def of(
        cls, queues: Sequence[Mapping[str, Any]] | None, nodes: Mapping[str, Any] | None
    ) -> Situation:
        """Build from *queues* and *nodes* as the stream of figures reports them."""
        stopped = {
            queue["name"]: queue.get("stop_reason") or ""
            for queue in queues or ()
            if not queue["started"]
        }
        partial = frozenset(queue["name"] for queue in queues or () if queue.get("requires"))
        if nodes is None:
            return cls(stopped, partial)
        cores = nodes["cores"]
        return cls(
            stopped,
            partial,
            Supply(nodes["total"], nodes["states"].get("up", 0), nodes["free"]),
            Supply(cores["total"], cores["up"], cores["free"]),
        )


def utc(seconds: float) -> str:
    """Format *seconds* since the epoch for people; return an empty text if out of range."""
    try:
        moment = dt.datetime.fromtimestamp(seconds, dt.timezone.utc)
    except (OverflowError, ValueError, OSError):
        return ""
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def reason(record: Mapping[str, Any], situation: Situation, now: float, say: Say = english) -> str:
    """Return the reason why a job waits, or an empty text if it does not wait."""
    state = record["state"]
    if state == "SCHED":
        return _in_queue(record, situation, now, say)
    if state == "DEPEND":
        waits = [dependency(text, say) for text in record.get("dependencies") or ()]
        # Flux holds it after that.
        held = [say("waits.held")] if record.get("urgency") == 0 else []
        return ", ".join([*(waits or [say("waits.dependency")]), *held])
    return say("waits.priority") if state == "PRIORITY" else ""


def _in_queue(record: Mapping[str, Any], situation: Situation, now: float, say: Say) -> str:
    if record.get("urgency") == 0:
        return say("waits.held")
    if record.get("priority") == 0:
        return say("waits.no_priority")
    queue = record.get("queue") or ""
    if queue in situation.stopped:
        stopped = (
            say("waits.named_queue_stopped", queue=queue) if queue else say("waits.queue_stopped")
        )
        words = situation.stopped[queue]
        return say("waits.explained", reason=stopped, words=words) if words else stopped
    return _scheduled(record, situation, now, say)


def is_blocked(record: Mapping[str, Any], situation: Situation) -> bool:
    """Return whether a job cannot start as things are: its queue is stopped, or it is too large."""
    wanted, supply, _ = _wanted(record, situation)
    is_too_large = bool(wanted and supply is not None and wanted > supply.total)
    return is_too_large or (record.get("queue") or "") in situation.stopped


def dependency(text: str, say: Say = english) -> str:
    """Return the phrase for a dependency as the job manager describes it (SCHEME=VALUE)."""
    scheme, _, value = text.partition("=")
    if scheme == "begin-time":
        try:
            moment = utc(float(value))
        except ValueError:
            moment = ""
        if moment:
            return say("waits.begin_time", moment=moment)
    if scheme in _AFTER and value:
        return say(_AFTER[scheme], job=value.replace(FANCY_PREFIX, "f", 1))
    return say("waits.other", text=text)


def _scheduled(record: Mapping[str, Any], situation: Situation, now: float, say: Say) -> str:
    pending = _sched(record).get("reason_pending")
    base = pending if isinstance(pending, str) and pending else _needs(record, situation, say)
    estimate = estimated_start(record, now)
    return base if estimate is None else say("waits.estimated", reason=base, moment=utc(estimate))


def estimated_start(record: Mapping[str, Any], now: float) -> float | None:
    """Return when the scheduler expects a job to start, or ``None`` if it gives no time to come."""
    estimate = _sched(record).get("t_estimate")
    if isinstance(estimate, (int, float)) and estimate > now and utc(estimate):
        return float(estimate)
    return None


def _sched(record: Mapping[str, Any]) -> Mapping[str, Any]:
    annotations = record.get("annotations")
    sched = annotations.get("sched") if isinstance(annotations, Mapping) else None
    return sched if isinstance(sched, Mapping) else {}


def _wanted(
    record: Mapping[str, Any], situation: Situation
) -> tuple[int | None, Supply | None, str]:
    """Return what a job needs, the supply of it, and the key of its phrase."""
    if nodes := record.get("nnodes"):
        return nodes, situation.nodes, "waits.nodes"
    return record.get("ncores"), situation.cores, "waits.cores"


def _needs(record: Mapping[str, Any], situation: Situation, say: Say) -> str:
    wanted, supply, key = _wanted(record, situation)
    if not wanted or supply is None:
        return say("waits.resources")
    needs = say(key, count=wanted)
    if wanted > supply.total:
        return _too_few(needs, supply, say)
    if wanted > supply.up:
        return say("waits.up", needs=needs, count=supply.up)
    if (record.get("queue") or "") in situation.partial:
        return say("waits.needed", needs=needs)
    key = "waits.taken" if wanted > supply.free else "waits.turn"
    return say(key, needs=needs, free=supply.free)


def _too_few(needs: str, supply: Supply, say: Say) -> str:
    if not supply.total:
        return say("waits.none_exist", needs=needs)
    if supply.up < supply.total:
        return say("waits.too_few_up", needs=needs, count=supply.total, up=supply.up)
    return say("waits.too_few", needs=needs, count=supply.total)

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
from .phrases import WAITS

__all__ = ["PENDING", "Situation", "Supply", "dependency", "reason", "utc"]

PENDING = frozenset({"DEPEND", "PRIORITY", "SCHED"})
"""States of a job that waits for something."""

_AFTER = frozenset({"after-start", "after-success", "after-failure", "after-finish"})
"""The dependencies that flux-core itself describes (RFC 26), as the job manager writes them."""


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
    still starts the jobs that it has, so it is no reason to wait.
    """

    stopped: Mapping[str, str] = field(default_factory=dict)
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
        if nodes is None:
            return cls(stopped)
        cores = nodes["cores"]
        return cls(
            stopped,
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


def reason(record: Mapping[str, Any], situation: Situation, now: float) -> str:
    """Return the reason why a job waits, or an empty text if it does not wait."""
    state = record["state"]
    if state == "SCHED":
        return _in_queue(record, situation, now)
    if state == "DEPEND":
        waits = ", ".join(dependency(text) for text in record.get("dependencies") or ())
        return waits or WAITS["dependency"]
    return WAITS["priority"] if state == "PRIORITY" else ""


def _in_queue(record: Mapping[str, Any], situation: Situation, now: float) -> str:
    if record.get("urgency") == 0:
        return WAITS["held"]
    if record.get("priority") == 0:
        return WAITS["no priority"]
    queue = record.get("queue") or ""
    if queue in situation.stopped:
        stopped = WAITS["named queue stopped" if queue else "queue stopped"].format(queue=queue)
        words = situation.stopped[queue]
        return WAITS["explained"].format(reason=stopped, words=words) if words else stopped
    return _scheduled(record, situation, now)


def dependency(text: str) -> str:
    """Return the phrase for a dependency as the job manager describes it (SCHEME=VALUE)."""
    scheme, _, value = text.partition("=")
    if scheme == "begin-time":
        try:
            moment = utc(float(value))
        except ValueError:
            moment = ""
        if moment:
            return WAITS[scheme].format(moment=moment)
    if scheme in _AFTER and value:
        return WAITS[scheme].format(job=value.replace(FANCY_PREFIX, "f", 1))
    return WAITS["other"].format(text=text)


def _scheduled(record: Mapping[str, Any], situation: Situation, now: float) -> str:
    annotations = record.get("annotations")
    sched = annotations.get("sched") if isinstance(annotations, Mapping) else None
    said = sched if isinstance(sched, Mapping) else {}
    pending, estimate = said.get("reason_pending"), said.get("t_estimate")
    base = pending if isinstance(pending, str) and pending else _needs(record, situation)
    if isinstance(estimate, (int, float)) and estimate > now and (moment := utc(estimate)):
        return WAITS["estimated"].format(reason=base, moment=moment)
    return base


def _needs(record: Mapping[str, Any], situation: Situation) -> str:
    wanted, supply, noun = record.get("nnodes"), situation.nodes, "node"
    if not wanted:
        wanted, supply, noun = record.get("ncores"), situation.cores, "core"
    if not wanted or supply is None:
        return WAITS["resources"]
    needs = WAITS["one" if wanted == 1 else "many"].format(count=wanted, noun=noun)
    total, up, free = supply.total, supply.up, supply.free
    if wanted > total:
        phrase = "none exist" if not total else "one exists" if total == 1 else "some exist"
    elif wanted > up:
        phrase = "one up" if up == 1 else "some up"
    else:
        phrase = "taken" if wanted > free else "turn"
    return WAITS[phrase].format(needs=needs, total=total, up=up, free=free)

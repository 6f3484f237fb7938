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
    "named_in_reason",
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
    """The numbers of nodes or cores in total, up, and free of jobs.

    ``idle`` are those that are not up and have no job. Of nodes, ``drained`` are not up because
    they are drained or draining, and ``names`` has their names if they are few.
    """

    total: int
    up: int
    free: int
    idle: int = 0
    drained: int = 0
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, figures: Mapping[str, Any]) -> Supply:
        """Build from the figures of the nodes or cores of a queue or of the instance."""
        total, free = figures["total"], figures["free"]
        idle = max(total - figures.get("allocated", total) - free, 0)
        names = tuple(figures.get("drained_names", ()))
        return cls(total, figures["up"], free, idle, figures.get("drained", 0), names)


@dataclass(frozen=True, slots=True)
class Situation:
    """The known state of queues and nodes; ``None`` is unknown, and gives no reason.

    ``stopped`` maps the queues that start no jobs to the reasons that Flux gives. A disabled queue
    still starts the jobs that it has, so it is no reason to wait. ``partial`` maps the queues that
    require properties of their nodes, which those that are free may not have, to these; ``shares``
    has the nodes, cores and GPUs of these queues, as far as they are known. ``first`` maps queues
    to the job that is the first in line, and ``before`` to the job of another queue that is the
    first of all. ``properties`` are those that nodes have; ``out`` maps those of which no node is
    up to their nodes.
    """

    stopped: Mapping[str, str] = field(default_factory=dict)
    partial: Mapping[str, frozenset[str]] = field(default_factory=dict)
    nodes: Supply | None = None
    cores: Supply | None = None
    gpus: Supply | None = None
    shares: Mapping[str, tuple[Supply, Supply, Supply | None]] = field(default_factory=dict)
    first: Mapping[str, str] = field(default_factory=dict)
    before: Mapping[str, str] = field(default_factory=dict)
    properties: frozenset[str] | None = None
    out: Mapping[str, Supply] = field(default_factory=dict)

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
        partial = {
            queue["name"]: frozenset(queue["requires"])
            for queue in queues or ()
            if queue.get("requires")
        }
        shares = {
            queue["name"]: (
                Supply.of(queue["nodes"]),
                Supply.of(queue["cores"]),
                Supply.of(queue["gpus"]) if "gpus" in queue else None,
            )
            for queue in queues or ()
            if queue.get("requires") and "nodes" in queue
        }
        first, before = (
            {queue["name"]: queue[key] for queue in queues or () if key in queue}
            for key in ("first", "before")
        )
        if nodes is None:
            return cls(stopped, partial, shares=shares, first=first, before=before)
        states = nodes["states"]
        drained = states.get("drained", 0) + states.get("draining", 0)
        figures = {**nodes, "up": states.get("up", 0), "drained": drained}
        gpus = Supply.of(nodes["gpus"]) if "gpus" in nodes else None
        supplies = Supply.of(figures), Supply.of(nodes["cores"]), gpus
        known = nodes.get("properties")
        properties = None if known is None else frozenset(known)
        out = {
            name: Supply(nodes["total"], 0, 0, drained=nodes["drained"])
            for name, nodes in (nodes.get("properties_out") or {}).items()
        }
        return cls(stopped, partial, *supplies, shares, first, before, properties, out)


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
    """Return whether a job cannot start as things are.

    Its queue is stopped, or the nodes of the instance are too few, too small, or lack a property.
    """
    wanted, supply, _ = _wanted(record, situation)
    gpus, gpu_supply = record.get("ngpus"), _supplies(record, situation)[2]
    return (
        bool(wanted and supply is not None and wanted > supply.total)
        or bool(gpus and gpu_supply is not None and gpus > gpu_supply.total)
        or bool(_missing(record, situation))
        or (record.get("queue") or "") in situation.stopped
    )


def named_in_reason(
    record: Mapping[str, Any], situation: Situation, say: Say = english
) -> tuple[str, str]:
    """Return the nodes and the job that the reason of a job may name: a phrase, and an ID."""
    queue = record.get("queue") or ""
    out = _without(record, situation, say) or _out(
        _supplies(record, situation)[0], queue if queue in situation.shares else "", say
    )
    first = situation.first.get(queue, "")
    return out, situation.before.get(queue, "") if first == record.get("id") else first


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
    nodes, cores, _ = _supplies(record, situation)
    if wanted := record.get("nnodes"):
        return wanted, nodes, "waits.nodes"
    return record.get("ncores"), cores, "waits.cores"


def _supplies(
    record: Mapping[str, Any], situation: Situation
) -> tuple[Supply | None, Supply | None, Supply | None]:
    """Return the nodes, cores and GPUs of the queue of a job, or else those of the instance."""
    share = situation.shares.get(record.get("queue") or "")
    return share or (situation.nodes, situation.cores, situation.gpus)


def _missing(record: Mapping[str, Any], situation: Situation) -> str:
    """Return a property that a job requires and no node has, or an empty text."""
    known = situation.properties
    if known is None:
        return ""
    wanted = (it for it in record.get("properties") or () if not it.startswith("^"))
    return next((it for it in wanted if it not in known), "")


def _needs(record: Mapping[str, Any], situation: Situation, say: Say) -> str:
    missing = _missing(record, situation)
    if missing:
        return say("waits.no_property", property=missing)
    return _needs_gpus(record, situation, say) or _needs_nodes(record, situation, say)


def _without(record: Mapping[str, Any], situation: Situation, say: Say) -> str:
    """Say that no node is up with a property that a job requires; return '' if one may be."""
    own = situation.partial.get(record.get("queue") or "", frozenset())
    for name in record.get("properties") or ():
        nodes = situation.out.get(name)
        if nodes is not None and name not in own:
            key = "waits.all_with" if nodes.total > 1 else "waits.only_with"
            return _away(say(key, count=nodes.total, property=name), nodes, nodes.total, say)
    return ""


def _needs_gpus(record: Mapping[str, Any], situation: Situation, say: Say) -> str:
    """Say that there are too few GPUs, or too few that are free; return an empty text if not."""
    wanted, supply = record.get("ngpus"), _supplies(record, situation)[2]
    if not wanted or supply is None:
        return ""
    needs, queue = say("waits.gpus", count=wanted), record.get("queue") or ""
    if wanted > supply.total:
        return _too_few(needs, supply, queue if queue in situation.shares else "", say)
    is_known = queue in situation.shares or queue not in situation.partial
    if wanted <= supply.free or not is_known:
        return ""
    return say("waits.taken", needs=needs, free=supply.free)


def _needs_nodes(record: Mapping[str, Any], situation: Situation, say: Say) -> str:
    wanted, supply, key = _wanted(record, situation)
    if not wanted or supply is None:
        return say("waits.resources")
    needs, queue = say(key, count=wanted), record.get("queue") or ""
    if wanted > supply.total:
        return _too_few(needs, supply, queue if queue in situation.shares else "", say)
    without = _without(record, situation, say)
    if without:
        return say("waits.out", out=without, needs=needs)
    return _needs_up(record, situation, wanted, supply, say)


def _needs_up(
    record: Mapping[str, Any], situation: Situation, wanted: int, supply: Supply, say: Say
) -> str:
    """Say why a job does not start that asks for *wanted* of *supply*, which is enough in all."""
    needs, queue = say(_wanted(record, situation)[2], count=wanted), record.get("queue") or ""
    is_known = queue in situation.shares or queue not in situation.partial
    if wanted <= min(supply.up, supply.free) and is_known:
        return _turn(record, situation, needs, supply.free, say)
    out = named_in_reason(record, situation, say)[0]
    if out and wanted > supply.up:
        return say("waits.out_up", out=out, needs=needs, count=supply.up)
    if not is_known:
        return say("waits.needed", needs=needs)
    key = "out_free" if out and wanted <= supply.free + supply.idle else "taken"
    return say(f"waits.{key}", out=out, needs=needs, free=supply.free)


def _is_limited(record: Mapping[str, Any], situation: Situation) -> bool:
    """Return whether a job can start on some of the nodes of its queue only, as far as is known."""
    properties = record.get("properties") or ()
    own = situation.partial.get(record.get("queue") or "", frozenset())
    return bool(record.get("constrained")) or any(it not in own for it in properties)


def _too_few(needs: str, supply: Supply, queue: str, say: Say) -> str:
    where = "_in_queue" if queue else ""
    if not supply.total:
        return say(f"waits.none_exist{where}", needs=needs, queue=queue)
    known = {"needs": needs, "count": supply.total, "queue": queue}
    if supply.up < supply.total:
        return say(f"waits.too_few_up{where}", up=supply.up, **known)
    return say(f"waits.too_few{where}", **known)


def _out(nodes: Supply | None, queue: str, say: Say) -> str:
    """Say how many nodes are not up, and why; return an empty text if all are up."""
    if nodes is None or nodes.up >= nodes.total:
        return ""
    count, total = nodes.total - nodes.up, nodes.total
    part = "waits.part" if total > 1 else "waits.only"
    some = say(f"{part}_of_queue" if queue else part, count=count, total=total, queue=queue)
    if total > 1 and count == len(nodes.names) and nodes.drained >= count:
        return say("waits.drained_named", names=", ".join(nodes.names))
    return _away(some, nodes, count, say)


def _away(some: str, nodes: Supply, count: int, say: Say) -> str:
    """Say of *some* nodes, *count* of *nodes*, why they are not up."""
    kind = "drained" if nodes.drained >= count else "drained_or_down" if nodes.drained else "down"
    return say(f"waits.{kind}", nodes=some, count=count)


def _turn(record: Mapping[str, Any], situation: Situation, needs: str, free: int, say: Say) -> str:
    """Return the reason of a job that fits by number: those before it in line come first."""
    if _is_limited(record, situation):
        return say("waits.limited", needs=needs)
    queue = record.get("queue") or ""
    first = situation.first.get(queue)
    if first is None:
        return say("waits.turn", needs=needs, free=free)
    if first != record.get("id"):
        return say("waits.behind", job=first, needs=needs, free=free)
    before = situation.before.get(queue)
    if before is None:
        return say("waits.first", needs=needs, free=free)
    return say("waits.first_of_queue", job=before, needs=needs, free=free)

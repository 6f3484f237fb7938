"""Compare a job with the queues and nodes of an instance: pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fluxapi.instance.protocol import Queue
from fluxapi.model.demand import Demand
from fluxapi.model.message import Message, Value

__all__ = ["Asked", "Finding", "Outcome", "Subject", "chosen_queue", "find_misfits", "finding"]

Outcome = Literal["refused", "impossible", "waits", "note"]
"""The effect on the job: Flux refuses it; it can never start; it waits until something changes; it
runs, but not as expected."""

Subject = Literal["queue", "duration", "nodes", "cores", "slot", "gpus", "constraints", "cwd"]
"""The part of the job that a finding is about; ``slot`` is the size of one slot."""

_Kind = Literal["nodes", "cores", "gpus"]

_KINDS: tuple[_Kind, ...] = ("nodes", "cores", "gpus")
_MAX_NAMES = 8
"""Names of queues in one sentence; an ellipsis stands for the others."""

_MAX_NAME_CHARS = 64


@dataclass(frozen=True, slots=True)
class Asked:
    """The parts of a job that are compared with the instance; a duration of 0 is no limit.

    ``properties`` are those that its nodes must have, or with ``^`` not have, if it has no other
    constraints.
    """

    demand: Demand
    queue: str | None = None
    duration: float | None = None
    properties: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One obstacle to the job, or one difference from its request, in a sentence."""

    subject: Subject
    outcome: Outcome
    message: Message


def finding(subject: Subject, outcome: Outcome, code: str, **params: Value) -> Finding:
    """Return a finding with the sentence of this code."""
    return Finding(subject, outcome, Message("findings", code, params))


def chosen_queue(asked: Asked, queues: Sequence[Queue]) -> Queue | None:
    """Return the queue that the job goes to, if there is one."""
    for queue in queues:
        if queue.name == asked.queue if asked.queue else (queue.default or not queue.name):
            return queue
    return None


def find_misfits(
    asked: Asked, queues: Sequence[Queue] | None, nodes: Iterable[Mapping[str, Any]] | None
) -> list[Finding]:
    """Return the findings about a job; *queues* and *nodes* may be unknown."""
    queue = None
    if queues:
        queue = chosen_queue(asked, queues)
        if queue is None:
            return [_no_queue(asked, queues)]
    found = [] if queue is None else [*_of_queue(queue), *_of_policy(asked, queue)]
    if nodes is not None:
        # A size that the policy refuses needs no second reason.
        known = {it.subject for it in found}
        known_nodes = list(nodes)
        found += [
            it for it in _of_nodes(asked.demand, queue, known_nodes) if it.subject not in known
        ]
        found += _of_properties(asked.properties, queue, known_nodes)
    return found


def _no_queue(asked: Asked, queues: Sequence[Queue]) -> Finding:
    names = [queue.name for queue in queues if queue.name]
    listed = [*names[:_MAX_NAMES], *(["…"] if len(names) > _MAX_NAMES else [])]
    if not names:
        return finding("queue", "refused", "no_queues")
    if asked.queue:
        queue = asked.queue[:_MAX_NAME_CHARS]
        return finding("queue", "refused", "unknown_queue", queue=queue, names=listed)
    return finding("queue", "refused", "no_default_queue", names=listed)


def _of(
    queue: Queue | None, subject: Subject, outcome: Outcome, code: str, **params: Value
) -> Finding:
    """Return a finding about a queue; the anonymous one is the instance itself."""
    if queue is None or not queue.name:
        return finding(subject, outcome, f"instance_{code}", **params)
    return finding(subject, outcome, f"queue_{code}", queue=queue.name, **params)


def _of_queue(queue: Queue) -> Iterator[Finding]:
    if not queue.enabled:
        yield _closed(queue, "refused", "disabled", queue.disable_reason)
    elif not queue.started:
        yield _closed(queue, "waits", "stopped", queue.stop_reason)


def _closed(queue: Queue, outcome: Outcome, code: str, reason: str | None) -> Finding:
    if reason:
        return _of(queue, "queue", outcome, f"{code}_reason", reason=reason)
    return _of(queue, "queue", outcome, code)


def _of_policy(asked: Asked, queue: Queue) -> Iterator[Finding]:
    policy, demand = queue.policy, asked.demand
    duration = asked.duration or policy.default_duration or 0
    most = policy.max_duration
    if most and (duration > most or not duration):
        code = "max_duration" if duration else "needs_duration"
        yield _of(queue, "duration", "refused", code, limit_seconds=most)
    for kind in _KINDS:
        count = getattr(demand, kind)
        if count is None:
            continue
        least, most_of = policy.min_size.get(kind), policy.max_size.get(kind)
        if most_of is not None and count > most_of:
            yield _of(queue, kind, "refused", f"max_{kind}", count=most_of, asked=count)
        if least is not None and count < least:
            yield _of(queue, kind, "refused", f"min_{kind}", count=least, asked=count)


def _of_nodes(
    demand: Demand, queue: Queue | None, nodes: Iterable[Mapping[str, Any]]
) -> Iterator[Finding]:
    requires = () if queue is None else queue.policy.requires
    members = list(_allowed(nodes, requires))
    up = [node for node in members if node["state"] == "up"]
    of_slot = [*_of_slot(demand, queue, members)] if members else []
    yield from of_slot
    too_large = {"cores" if it.subject == "slot" else it.subject for it in of_slot}
    for kind in _KINDS:
        count = getattr(demand, kind)
        if count is None or kind in too_large:
            continue
        total, working = _sum(members, kind), _sum(up, kind)
        if count > total:
            yield _of(queue, kind, "impossible", f"has_{kind}", count=total, asked=count)
        elif count > working:
            numbers = {"count": working, "total": total, "asked": count}
            yield _of(queue, kind, "waits", f"up_{kind}", **numbers)


def _of_properties(
    asked: Sequence[str], queue: Queue | None, nodes: Iterable[Mapping[str, Any]]
) -> Iterator[Finding]:
    """Yield a finding if no node of the queue, or none that is up, has the properties of a job."""
    requires = () if queue is None else queue.policy.requires
    wanted = [name for name in asked if not name.startswith("^")]
    having = [frozenset(node.get("properties", ())) for node in _allowed(nodes, requires)]
    for name in wanted:
        if having and not any(name in properties for properties in having):
            shown = name[:_MAX_NAME_CHARS]
            yield _of(queue, "constraints", "impossible", "no_property", property=shown)
            return
    fitting = list(_allowed(nodes, (*requires, *wanted))) if wanted else []
    if fitting and not any(node["state"] == "up" for node in fitting):
        names = ", ".join(name[:_MAX_NAME_CHARS] for name in wanted[:_MAX_NAMES])
        yield _of(queue, "constraints", "waits", "property_down", properties=names)


def _allowed(
    nodes: Iterable[Mapping[str, Any]], requires: Iterable[str]
) -> Iterator[Mapping[str, Any]]:
    """Yield the nodes that may run jobs and have some properties."""
    for node in nodes:
        if "excluded" not in node and {*node.get("properties", ())}.issuperset(requires):
            yield node


def _of_slot(
    demand: Demand, queue: Queue | None, members: Sequence[Mapping[str, Any]]
) -> Iterator[Finding]:
    """Yield the findings about a slot that is larger than every node; a slot is on one node."""
    sizes: tuple[tuple[str, int, Subject], ...] = (
        ("cores", demand.slot_cores, "slot"),
        ("gpus", demand.slot_gpus, "gpus"),
    )
    for kind, count, subject in sizes:
        largest = max(node[kind]["total"] for node in members)
        if largest < count <= _sum(members, kind):
            yield _of(queue, subject, "impossible", f"node_{kind}", count=count, largest=largest)


def _sum(nodes: Sequence[Mapping[str, Any]], kind: str) -> int:
    return len(nodes) if kind == "nodes" else sum(node[kind]["total"] for node in nodes)

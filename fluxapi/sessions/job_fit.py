"""Compare a job with the queues and nodes of an instance: pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fluxapi.instance.protocol import Queue
from fluxapi.model.demand import Demand
from fluxapi.model.duration import duration as format_duration

__all__ = ["Asked", "Finding", "Outcome", "Subject", "chosen_queue", "find_misfits"]

Outcome = Literal["refused", "impossible", "waits", "note"]
"""The fate of the job: Flux refuses it; it can never start; it waits until something changes; it
runs, but not as it looks."""

Subject = Literal["queue", "duration", "nodes", "cores", "slot", "gpus", "cwd"]
"""The part of the job that a finding is about; ``slot`` is the size of one slot."""

_Kind = Literal["nodes", "cores", "gpus"]

_KINDS: tuple[_Kind, ...] = ("nodes", "cores", "gpus")
_NOUNS = {"nodes": "node", "cores": "core", "gpus": "GPU"}
_MAX_NAMES = 8
"""Names of queues in one sentence."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The parts of a job that are compared with the instance; a duration of 0 is no limit."""

    demand: Demand
    queue: str | None = None
    duration: float | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that will not go as the job says, in a sentence."""

    subject: Subject
    outcome: Outcome
    detail: str


def chosen_queue(asked: Asked, queues: Sequence[Queue]) -> Queue | None:
    """Return the queue that the job goes to, if there is one."""
    for queue in queues:
        if queue.name == asked.queue if asked.queue else (queue.default or not queue.name):
            return queue
    return None


def find_misfits(
    asked: Asked, queues: Sequence[Queue] | None, nodes: Iterable[Mapping[str, Any]] | None
) -> list[Finding]:
    """Return what will not go as the job says; *queues* and *nodes* may be unknown."""
    queue = None
    if queues:
        queue = chosen_queue(asked, queues)
        if queue is None:
            return [_no_queue(asked, queues)]
    found = [] if queue is None else [*_of_queue(queue), *_of_policy(asked, queue)]
    if nodes is not None:
        # A size that the policy refuses needs no second reason.
        known = {it.subject for it in found}
        found += [it for it in _of_nodes(asked.demand, queue, nodes) if it.subject not in known]
    return found


def _no_queue(asked: Asked, queues: Sequence[Queue]) -> Finding:
    names = [queue.name for queue in queues if queue.name]
    listed = ", ".join(names[:_MAX_NAMES]) + (", …" if len(names) > _MAX_NAMES else "")
    if not names:
        detail = "This instance has no named queues: leave the queue out."
    elif asked.queue:
        detail = f"There is no queue {asked.queue[:64]!r}; there are: {listed}."
    else:
        detail = f"No queue is the default: name one of {listed}."
    return Finding("queue", "refused", detail)


def _called(queue: Queue | None, *, begins: bool = True) -> str:
    """Return how sentences call the queue; the anonymous one is the instance itself."""
    if queue is None or not queue.name:
        return "The instance" if begins else "the instance"
    return f"{'Queue' if begins else 'queue'} {queue.name}"


def _of_queue(queue: Queue) -> Iterator[Finding]:
    if not queue.enabled:
        why = f": {queue.disable_reason}" if queue.disable_reason else "."
        yield Finding("queue", "refused", f"{_called(queue)} takes no jobs now{why}")
    elif not queue.started:
        why = f": {queue.stop_reason}" if queue.stop_reason else "."
        yield Finding(
            "queue", "waits", f"{_called(queue)} is stopped, so the job waits until it starts{why}"
        )


def _of_policy(asked: Asked, queue: Queue) -> Iterator[Finding]:
    policy, demand = queue.policy, asked.demand
    duration = asked.duration or policy.default_duration or 0
    most = policy.max_duration
    if most and (duration > most or not duration):
        allowed = f"{_called(queue)} allows a time limit of at most {format_duration(most)}"
        detail = f"{allowed}." if duration else f"{allowed}, and the job has none: set one."
        yield Finding("duration", "refused", detail)
    for kind in _KINDS:
        count = getattr(demand, kind)
        if count is None:
            continue
        least, most_of = policy.min_size.get(kind), policy.max_size.get(kind)
        if most_of is not None and count > most_of:
            words = f"allows at most {_count(most_of, kind)} for a job, and this one asks for"
            yield Finding(kind, "refused", f"{_called(queue)} {words} {count}.")
        if least is not None and count < least:
            words = f"takes jobs of {_count(least, kind)} or more, and this one asks for"
            yield Finding(kind, "refused", f"{_called(queue)} {words} {count}.")


def _of_nodes(
    demand: Demand, queue: Queue | None, nodes: Iterable[Mapping[str, Any]]
) -> Iterator[Finding]:
    requires = () if queue is None else queue.policy.requires
    members = [
        node
        for node in nodes
        if "excluded" not in node and {*node.get("properties", ())}.issuperset(requires)
    ]
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
            words = f"has {_count(total, kind)}, so a job of {count} can never start"
            yield Finding(kind, "impossible", f"{_called(queue)} {words}.")
        elif count > working:
            words = f"{working} of the {_count(total, kind)} of {_called(queue, begins=False)}"
            verb = "is" if working == 1 else "are"
            detail = f"{words} {verb} up, so the job waits until there are {count}."
            yield Finding(kind, "waits", detail)


def _of_slot(
    demand: Demand, queue: Queue | None, members: Sequence[Mapping[str, Any]]
) -> Iterator[Finding]:
    """Yield what no single node has; all of a slot is on one node."""
    sizes: tuple[tuple[str, int, Subject], ...] = (
        ("cores", demand.slot_cores, "slot"),
        ("gpus", demand.slot_gpus, "gpus"),
    )
    for kind, count, subject in sizes:
        largest = max(node[kind]["total"] for node in members)
        if largest < count <= _sum(members, kind):
            where = _called(queue, begins=False)
            words = f"No node of {where} has {_count(count, kind)}; the largest has {largest}"
            yield Finding(subject, "impossible", f"{words}.")


def _sum(nodes: Sequence[Mapping[str, Any]], kind: str) -> int:
    return len(nodes) if kind == "nodes" else sum(node[kind]["total"] for node in nodes)


def _count(number: int, kind: str) -> str:
    return f"{number} {_NOUNS[kind]}{'' if number == 1 else 's'}"

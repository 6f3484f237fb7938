"""The nodes, cores and GPUs of an instance in the states of ``flux resource list``."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fluxapi.model.hostlist import decode_hostlist, encode_hostlist
from fluxapi.model.idset import IdSet, encode_idset

from .exit_codes import FAILED, Failure
from .text import safe

if TYPE_CHECKING:
    from .answers import Node, Queue

__all__ = ["PART_STATES", "Part", "included", "of_queues", "part_of", "queues_of"]

PART_STATES = ("up", "down", "allocated", "free", "all")


@dataclass
class Part:
    """Some nodes, each with a number of cores and GPUs."""

    nodes: dict[int, Node] = field(default_factory=dict)
    counts: dict[int, tuple[int, int]] = field(default_factory=dict)

    @property
    def nnodes(self) -> int:
        """The number of nodes."""
        return len(self.nodes)

    @property
    def ncores(self) -> int:
        """The number of cores."""
        return sum(cores for cores, _ in self.counts.values())

    @property
    def ngpus(self) -> int:
        """The number of GPUs."""
        return sum(gpus for _, gpus in self.counts.values())

    @property
    def ranks(self) -> str:
        """The ranks as an idset."""
        return encode_idset(self.nodes)

    @property
    def nodelist(self) -> str:
        """The hosts in the order of their ranks."""
        return safe(encode_hostlist([self.nodes[rank].name for rank in sorted(self.nodes)]))


def part_of(nodes: Iterable[Node], states: Collection[str]) -> Part:
    """Return what is in any of the states of :data:`PART_STATES`.

    Excluded nodes are in none, since the scheduler does not know them.
    """
    found = Part()
    for node in nodes:
        if node.excluded:
            continue
        is_whole = "all" in states or ("down" if node.unschedulable else "up") in states
        cores = gpus = 0
        if is_whole:
            cores, gpus = node.cores.total, node.gpus.total
        else:
            if "allocated" in states:
                cores, gpus = node.cores.allocated, node.gpus.allocated
            if "free" in states and not node.unschedulable:
                cores += node.cores.total - node.cores.allocated
                gpus += node.gpus.total - node.gpus.allocated
        if is_whole or cores or gpus:
            found.nodes[node.rank] = node
            found.counts[node.rank] = cores, gpus
    return found


def included(nodes: Sequence[Node], text: str) -> list[Node]:
    """Return the nodes that an idset of ranks or a hostlist names."""
    try:
        ranks = IdSet.parse(text)
        return [node for node in nodes if node.rank in ranks]
    except ValueError:
        pass
    try:
        hosts = set(decode_hostlist(text))
    except ValueError as error:
        raise Failure(f"--include {safe(str(error))}.", FAILED) from None
    return [node for node in nodes if node.name in hosts]


def of_queues(
    nodes: Sequence[Node], queues: Mapping[str, Queue], names: Iterable[str]
) -> list[Node]:
    """Return the nodes of any of the queues."""
    chosen = []
    for name in names:
        if not name or name not in queues:
            raise Failure(f"There is no queue {safe(name)!r}.", FAILED)
        chosen.append(queues[name])
    return [node for node in nodes if any(_has(node, queue) for queue in chosen)]


def queues_of(node: Node, queues: Iterable[Queue]) -> list[str]:
    """Return the names of the queues that a node belongs to."""
    return [queue.name for queue in queues if queue.name and _has(node, queue)]


def _has(node: Node, queue: Queue) -> bool:
    return set(queue.requires) <= set(node.properties)

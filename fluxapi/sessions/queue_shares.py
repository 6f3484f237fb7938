"""The nodes of each queue, and the other queues whose jobs may use them.

An instance may have a thousand queues and thirty thousand nodes, so nodes are not compared with
each queue: those with the same properties are counted together, and found by their properties.
Every node may have a kind of its own, so a set of kinds is an integer with a bit for each.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

from fluxapi.instance.protocol import Queue

__all__ = ["bits_of", "few_names", "shares_of"]

_MAX_NAMED = 2
_MAX_NAMES_CHARS = 80
"""Drained nodes that are named, and the characters of their names; each client receives them."""

_HOST = re.compile("[A-Za-z0-9._-]+")
"""A name that can be a part of a sentence; the instance of a job may say anything."""

_MAX_SHARING = 20
"""Queues with running jobs that are named where they share nodes with another."""

_Properties = frozenset[str]


def shares_of(
    queues: Sequence[Queue], nodes: Iterable[Mapping[str, Any]], running: Container[str]
) -> dict[str, dict[str, Any]]:
    """Return the nodes, cores and GPUs of each queue, and the others whose jobs may use them.

    Args:
        queues: The queues.
        nodes: Their nodes.
        running: The queues with running jobs.
    """
    kinds = _Kinds(node for node in nodes if "excluded" not in node)
    busy = [
        (queue.name, frozenset(queue.policy.requires)) for queue in queues if queue.name in running
    ][:_MAX_SHARING]
    shares: dict[str, dict[str, Any]] = {}
    for queue in queues:
        requires = frozenset(queue.policy.requires)
        names = [
            name for name, others in busy if name != queue.name and kinds.are_used(requires, others)
        ]
        shares[queue.name] = kinds.share(requires) | ({"shared_with": names} if names else {})
    return shares


class _Kinds:
    """The nodes by their properties; those with the same are of one kind."""

    def __init__(self, nodes: Iterable[Mapping[str, Any]]) -> None:
        self._figures: list[list[int]] = []
        """The sums of :func:`_figures` of each kind."""
        self._drained: list[list[str]] = []
        """The names of drained nodes of each kind, at most one more than are reported."""
        self._shares: dict[int, dict[str, Any]] = {}
        self._members: dict[_Properties, int] = {}
        having: dict[str, list[int]] = {}
        used: set[int] = set()
        numbers: dict[_Properties, int] = {}
        for node in nodes:
            properties = frozenset(node.get("properties", ()))
            number = numbers.setdefault(properties, len(numbers))
            if number == len(self._figures):
                self._figures.append([0] * _FIGURES)
                self._drained.append([])
                for name in properties:
                    having.setdefault(name, []).append(number)
            sums = self._figures[number]
            for place, figure in enumerate(_figures(node)):
                sums[place] += figure
            if node["allocated"]:
                used.add(number)
            if node["state"] in _DRAINED and len(self._drained[number]) <= _MAX_NAMED:
                self._drained[number].append(node.get("name", ""))
        count = len(self._figures)
        self._all = (1 << count) - 1
        self._used = bits_of(used, count)
        """The kinds with nodes on which jobs run."""
        self._with = {name: bits_of(kinds, count) for name, kinds in having.items()}

    def are_used(self, requires: _Properties, others: _Properties) -> bool:
        """Return whether jobs run on a node with all of these properties."""
        return bool(self._find(requires) & self._find(others) & self._used)

    def share(self, requires: _Properties) -> dict[str, Any]:
        """Return the figures of the nodes with these properties."""
        members = self._find(requires)
        found = self._shares.get(members)
        if found is None:
            kinds = [self._figures[number] for number in _numbers(members)]
            figures = [sum(column) for column in zip(*kinds, strict=True)]
            found = self._shares[members] = _described(figures or [0] * _FIGURES)
            found["nodes"] |= few_names(
                [name for number in _numbers(members) for name in self._drained[number]]
            )
        return found

    def _find(self, requires: _Properties) -> int:
        found = self._members.get(requires)
        if found is None:
            found = self._all
            for name in requires:
                found &= self._with.get(name, 0)
            self._members[requires] = found
        return found


def few_names(drained: Sequence[str]) -> dict[str, list[str]]:
    """Return the member that names drained nodes, unless they are too many or not host names."""
    is_short = sum(map(len, drained)) <= _MAX_NAMES_CHARS and all(map(_HOST.fullmatch, drained))
    if not drained or len(drained) > _MAX_NAMED or not is_short:
        return {}
    return {"drained_names": sorted(drained)}


def bits_of(numbers: Iterable[int], count: int) -> int:
    """Return an integer with these bits of *count*."""
    data = bytearray(count // 8 + 1)
    for number in numbers:
        data[number >> 3] |= 1 << (number & 7)
    return int.from_bytes(data, "little")


def _numbers(bits: int) -> Iterator[int]:
    """Yield the numbers of the bits that are set."""
    for at, digit in enumerate(reversed(f"{bits:b}")):
        if digit == "1":
            yield at


_MEMBERS = ("total", "allocated", "free", "up")
_SUBJECTS = ("nodes", "cores", "gpus")
_FIGURES = len(_MEMBERS) * len(_SUBJECTS) + 1
_DRAINED = frozenset({"drained", "draining"})


def _figures(node: Mapping[str, Any]) -> list[int]:
    """Return the figures of one node, as :func:`_described` takes them."""
    is_up, is_used = node["state"] == "up", bool(node["allocated"])
    found = [1, int(is_used), int(is_up and not is_used), int(is_up)]
    for kind in _SUBJECTS[1:]:
        total, used = node[kind]["total"], node[kind]["allocated"]
        found += [total, used, total - used if is_up else 0, total if is_up else 0]
    return [*found, int(node["state"] in _DRAINED)]


def _described(figures: Sequence[int]) -> dict[str, Any]:
    count = len(_MEMBERS)
    found = {
        subject: dict(zip(_MEMBERS, figures[place * count : (place + 1) * count], strict=True))
        for place, subject in enumerate(_SUBJECTS)
    }
    found["nodes"]["drained"] = figures[-1]
    return found

"""R (RFC 20): the nodes, cores and GPUs of a job or an instance.

An R may come from a job's program (such as a child instance), so its size is checked before it is
parsed, and the number of nodes is limited to that of real systems.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec

from .hostlist import decode_hostlist, encode_hostlist
from .idset import IdSet
from .sharing import short_json

__all__ = ["MAX_COUNT", "MAX_NODES", "MAX_R_LENGTH", "Allocation", "Node", "allocation", "nodes"]

MAX_R_LENGTH = 1 << 18
"""Characters of the idsets of one R, and of its nodelist; many times those of a large system."""

MAX_INSTANCE_LENGTH = 1 << 20
"""Characters of the idsets of the R of an instance, whose nodes may all differ."""

MAX_NODES = 1 << 15
"""Nodes of one R."""

MAX_COUNT = (1 << 31) - 1
"""The largest count: Flux counts tasks, cores and nodes as C integers."""

_SMALL_R_LENGTH = 1 << 10
"""Characters of an R that many jobs are likely to share."""

_SMALL_ALLOCATION_LENGTH = 1 << 12
"""Characters of the texts that are made of a small R, up to which many are kept: hosts whose names
end in a text are written out."""

_FEW_NODES = 1 << 10
"""Nodes of a small R up to which many are kept: a range has few characters and many nodes."""

_NONE = IdSet()


@dataclass(frozen=True, slots=True)
class Node:
    """One node of an R object: its broker ``rank``, host ``name``, core and GPU IDs."""

    rank: int
    name: str
    cores: IdSet = _NONE
    gpus: IdSet = _NONE


@dataclass(frozen=True, slots=True)
class Allocation:
    """The resources of an R object, with the names of RFC 43."""

    ranks: str
    nodelist: str
    nnodes: int
    ncores: int


def nodes(R: Mapping[str, Any] | None) -> list[Node]:
    """Return the nodes of an R object (RFC 20) by rank; raise ``ValueError`` if it is invalid."""
    if not R:
        return []
    try:
        execution = R["execution"]
        entries = [
            (
                _text(entry["rank"]),
                _text(entry["children"].get("core", "")),
                _text(entry["children"].get("gpu", "")),
            )
            for entry in execution["R_lite"]
        ]
        hosts = _hosts(execution)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"is not an R object: {error}") from None
    length = sum(map(len, itertools.chain.from_iterable(entries)))
    if max(length, len(hosts)) > MAX_INSTANCE_LENGTH:
        raise ValueError(f"is not a usable R: it holds more than {MAX_INSTANCE_LENGTH} characters")
    key = tuple(entries)
    found = _few_nodes(key, hosts) if length + len(hosts) <= _SMALL_R_LENGTH else None
    return list(_many_nodes(key, hosts) if found is None else found)


def _read_nodes(entries: tuple[tuple[str, str, str], ...], hosts: str) -> tuple[Node, ...]:
    found: dict[int, tuple[IdSet, IdSet]] = {}
    count = 0
    for ranks, *children in entries:
        members = IdSet.parse(ranks)
        cores, gpus = map(IdSet.parse, children)
        # Entries may name the same ranks again and again.
        count += len(members)
        if max(count, len(cores), len(gpus)) > MAX_NODES:
            raise ValueError(f"is not a usable R: it holds more than {MAX_NODES} nodes or cores")
        found.update(dict.fromkeys(members, (cores, gpus)))
    ordered = sorted(found)
    names = dict(zip(ordered, decode_hostlist(hosts, MAX_NODES), strict=False))
    return tuple(Node(rank, names.get(rank, f"rank{rank}"), *found[rank]) for rank in ordered)


_many_nodes = lru_cache(maxsize=4)(_read_nodes)


@lru_cache(maxsize=256)
def _few_nodes(entries: tuple[tuple[str, str, str], ...], hosts: str) -> tuple[Node, ...] | None:
    found = _read_nodes(entries, hosts)
    return found if len(found) <= _FEW_NODES else None


def allocation(R: Mapping[str, Any]) -> Allocation:
    """Return the ranks, nodelist, nnodes and ncores of a job's R.

    Jobs with equal resources share the result: a hundred thousand jobs on four nodes use the same
    few strings. Raises ``ValueError``, ``KeyError`` or ``TypeError`` for an invalid or large *R*.
    """
    execution = R["execution"]
    shown = {"R_lite": execution["R_lite"], "nodelist": execution.get("nodelist", ())}
    text = short_json(shown, _SMALL_R_LENGTH)
    found = None if text is None else _small_allocation(text)
    return _allocation(shown) if found is None else found


@lru_cache(maxsize=4096)
def _small_allocation(execution: bytes) -> Allocation | None:
    return _if_small(_allocation(msgspec.json.decode(execution)))


def _if_small(found: Allocation) -> Allocation | None:
    return found if len(found.ranks) + len(found.nodelist) <= _SMALL_ALLOCATION_LENGTH else None


def _allocation(execution: Mapping[str, Any]) -> Allocation:
    key = tuple(
        (_text(entry["rank"]), _text(entry["children"].get("core", "")))
        for entry in execution["R_lite"]
    )
    hosts = _hosts(execution)
    length = sum(len(ranks) + len(cores) for ranks, cores in key)
    if max(length, len(hosts)) > MAX_R_LENGTH:
        raise ValueError(f"is not a usable R: it holds more than {MAX_R_LENGTH} characters")
    found = _small(key, hosts) if length + len(hosts) <= _SMALL_R_LENGTH else None
    return _large(key, hosts) if found is None else found


def _hosts(execution: Mapping[str, Any]) -> str:
    nodelist = execution.get("nodelist", ())
    if isinstance(nodelist, str):
        # Iteration would take each of its characters for a host.
        raise ValueError("is not an R object: its nodelist must be an array")  # noqa: TRY004
    return ",".join(map(_text, nodelist))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("idsets and hostlists are strings")
    return value


def _read(entries: tuple[tuple[str, str], ...], hosts: str) -> Allocation:
    ranks: list[IdSet] = []
    ncores = 0
    for idset, cores in entries:
        members = IdSet.parse(idset)
        ranks.append(members)
        ncores += len(members) * len(IdSet.parse(cores))
    every = IdSet.union(ranks)
    if len(every) > MAX_NODES:
        raise ValueError(f"is not a usable R: it holds more than {MAX_NODES} nodes")
    nodelist = encode_hostlist(decode_hostlist(hosts, MAX_NODES))
    if len(nodelist) > MAX_R_LENGTH:
        # A range whose names end in a text is written out, name by name.
        raise ValueError(f"is not a usable R: its hosts have more than {MAX_R_LENGTH} characters")
    return Allocation(
        ranks=every.encode(brackets=True),
        nodelist=nodelist,
        nnodes=len(every),
        ncores=min(ncores, MAX_COUNT),
    )


_large = lru_cache(maxsize=32)(_read)


@lru_cache(maxsize=65536)
def _small(entries: tuple[tuple[str, str], ...], hosts: str) -> Allocation | None:
    return _if_small(_read(entries, hosts))

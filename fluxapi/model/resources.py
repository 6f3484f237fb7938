"""R (RFC 20), idsets (RFC 22) and hostlists (RFC 29).

Hostlists are our own: ClusterShell's NodeSet is a *set*, so it folds the equal host names of
several brokers on one machine into one and forgets the order, and RFC 29 keeps both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

__all__ = [
    "Allocation",
    "Node",
    "allocation",
    "decode_hostlist",
    "decode_idset",
    "encode_hostlist",
    "encode_idset",
    "nodes",
]

_MAX_IDS = 1 << 22
"""Ids that one idset or hostlist may expand to: a guard against ``0-99999999999``."""

_MAX_DIGITS = 18

_RANGE = re.compile(r"([0-9]+)(?:-([0-9]+))?\Z", re.ASCII)
_EXPRESSION = re.compile(r"([^\[\],]*)(?:\[([^\[\]]*)\]([^\[\],]*))?", re.ASCII)
_NUMBERED = re.compile(r"(.*?)([0-9]+)\Z", re.ASCII | re.DOTALL)


def decode_idset(text: str) -> list[int]:
    """The ids of an RFC 22 idset (``0-3,7`` or ``[0-3,7]``), in order; raises ``ValueError``."""
    text = text.strip()
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    return [int(digits) for digits in _expand(text)] if text else []


def encode_idset(ids: Iterable[int], *, brackets: bool = False) -> str:
    """An RFC 22 idset of ``ids``; with ``brackets``, in brackets when it holds several ids."""
    ordered = sorted(set(ids))
    text = ",".join(_ranges([str(number) for number in ordered]))
    return f"[{text}]" if brackets and len(ordered) > 1 else text


def decode_hostlist(text: str) -> list[str]:
    """The hosts of an RFC 29 hostlist, in order, repeats kept; raises ``ValueError``."""
    hosts: list[str] = []
    position = 0
    while position < len(text):
        match = _EXPRESSION.match(text, position)
        if match is None or match.end() == position:
            raise ValueError(f"is not a hostlist: {text!r}")
        prefix, ids, suffix = match.groups()
        if ids is None:
            hosts.append(prefix)
        else:
            hosts.extend(f"{prefix}{digits}{suffix}" for digits in _expand(ids))
        position = match.end()
        if position < len(text):
            if text[position] != ",":
                raise ValueError(f"is not a hostlist: {text!r}")
            position += 1
    return hosts


def encode_hostlist(hosts: Sequence[str]) -> str:
    """An RFC 29 hostlist in the form that Flux gives: neighbors with one prefix share brackets."""
    parts: list[str] = []
    prefix: str | None = None
    digits: list[str] = []
    for host in hosts:
        match = _NUMBERED.match(host)
        if match is None:
            _flush(parts, prefix, digits)
            prefix, digits = None, []
            parts.append(host)
            continue
        if match[1] != prefix or not _joins(digits[0], match[2]):
            _flush(parts, prefix, digits)
            prefix, digits = match[1], []
        digits.append(match[2])
    _flush(parts, prefix, digits)
    return ",".join(parts)


def _flush(parts: list[str], prefix: str | None, digits: list[str]) -> None:
    if prefix is None or not digits:
        return
    if len(digits) == 1:
        parts.append(prefix + digits[0])
    else:
        parts.append(f"{prefix}[{','.join(_ranges(digits))}]")


def _joins(first: str, digits: str) -> bool:
    """Whether an id may follow ``first`` in brackets: its leading zeros hold for all of them."""
    width = len(first) if first.startswith("0") else 0
    return digits == str(int(digits)).zfill(width)


def _ranges(digits: Sequence[str]) -> Iterator[str]:
    start = 0
    for index in range(1, len(digits) + 1):
        if index < len(digits) and int(digits[index]) == int(digits[index - 1]) + 1:
            continue
        first, last = digits[start], digits[index - 1]
        yield first if first == last else f"{first}-{last}"
        start = index


def _expand(idlist: str) -> Iterator[str]:
    width: int | None = None
    total = 0
    for part in idlist.split(","):
        match = _RANGE.match(part)
        if match is None:
            raise ValueError(f"{part!r} is not an id or a range of ids")
        first, last = match[1], match[2] or match[1]
        if width is None:
            width = len(first) if first.startswith("0") else 0
        if len(last) > _MAX_DIGITS:
            raise ValueError(f"{part[:40]!r} is not a usable range of ids")
        total += int(last) - int(first) + 1
        if int(last) < int(first) or total > _MAX_IDS:
            raise ValueError(f"{part!r} is not a usable range of ids")
        for number in range(int(first), int(last) + 1):
            yield str(number).zfill(width)


@dataclass(frozen=True, slots=True)
class Node:
    """One node of an R object: its broker ``rank``, host ``name``, core and gpu ids."""

    rank: int
    name: str
    cores: tuple[int, ...]
    gpus: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Allocation:
    """What an R object gives a job, in the words of RFC 43."""

    ranks: str
    nodelist: str
    nnodes: int
    ncores: int


def nodes(R: Mapping[str, Any] | None) -> list[Node]:
    """The nodes of an R object (RFC 20), by rank; raises ``ValueError`` when it is not one."""
    if not R:
        return []
    try:
        execution = R["execution"]
        entries = [
            (entry["rank"], entry["children"].get("core", ""), entry["children"].get("gpu", ""))
            for entry in execution["R_lite"]
        ]
        hosts = ",".join(execution.get("nodelist", ()))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"is not an R object: {error}") from None
    return list(_nodes(tuple(entries), hosts))


@lru_cache(maxsize=4096)
def _nodes(entries: tuple[tuple[str, str, str], ...], hosts: str) -> tuple[Node, ...]:
    ranked = sorted(
        (rank, cores, gpus) for ranks, cores, gpus in entries for rank in decode_idset(ranks)
    )
    ranks = sorted({rank for rank, _, _ in ranked})
    names = dict(zip(ranks, decode_hostlist(hosts), strict=False))
    return tuple(
        Node(
            rank,
            names.get(rank, f"rank{rank}"),
            tuple(decode_idset(cores)),
            tuple(decode_idset(gpus)),
        )
        for rank, cores, gpus in ranked
    )


def allocation(R: Mapping[str, Any]) -> Allocation:
    """The ranks, nodelist, nnodes and ncores of a job's R; raises ``ValueError``.

    The result is shared between jobs with equal resources: a hundred thousand jobs on four nodes
    hold the same few strings.
    """
    execution = R["execution"]
    key = tuple((entry["rank"], entry["children"].get("core", "")) for entry in execution["R_lite"])
    return _allocation(key, ",".join(execution.get("nodelist", ())))


@lru_cache(maxsize=65536)
def _allocation(entries: tuple[tuple[str, str], ...], hosts: str) -> Allocation:
    ranks: set[int] = set()
    ncores = 0
    for idset, cores in entries:
        members = decode_idset(idset)
        ranks.update(members)
        ncores += len(members) * len(decode_idset(cores))
    return Allocation(
        ranks=encode_idset(ranks, brackets=True),
        nodelist=encode_hostlist(decode_hostlist(hosts)),
        nnodes=len(ranks),
        ncores=ncores,
    )

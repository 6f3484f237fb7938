"""The time that Flux 0.88 takes to read an RFC 31 constraint.

Its validator reads each text at the submission, and looks up each host among those of the instance.
Its scheduler evaluates the constraint for each node, and reads all texts again each time, whenever
it tries to start the job. Nothing else is scheduled meanwhile.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from .idset import Range, read_ranges
from .message import Message, field_message

__all__ = ["ConstraintCost"]

_MAX_RANK = (1 << 16) - 1
"""The highest rank. Flux's set of IDs has a place for each lower one, too."""

_MAX_RANKS = 1 << 14
"""Limit of the ranks of all operators together; Flux reads so many in a millisecond."""

_RANKS_PER_OPERATOR = 1 << 7
"""Ranks that Flux reads in the time that it takes to make a set of IDs, about 7 µs."""

_RANKS_PER_RANGE = 4
"""Consecutive ranks that Flux reads in the time that each range takes besides."""

_PLACES_PER_RANK = 1 << 8
"""Places in Flux's set of IDs that take as long as a rank in it, or less."""

_MAX_HOSTS = 1 << 14
"""Limit of the hosts of all operators together; the validator looks each up in about 10 µs, and
walks through all parts of the text that come before.
"""

_MAX_PARTS = 1 << 11
"""Limit of the parts of all hostlists, in and outside of brackets; Flux reads so many in a
millisecond.
"""

_PARTS_PER_OPERATOR = 1 << 4
"""Parts that Flux reads in the time that it takes to make a list of hosts, about 7 µs."""

_MAX_CHARACTERS = 1 << 16
"""Limit of the characters of all texts, since Flux copies names of properties for each node."""

_MAX_NAME_BYTES = 255
"""Limit of the name of a host, as in DNS; one of 271 ends Flux's validator."""

_MAX_EVALUATION_S = 0.4
"""Limit of the time in which the scheduler evaluates a constraint for all nodes. It does so twice
before it says that a job can never start.
"""

_OPERATOR_US, _VALUE_US = 0.8, 0.2
_LIST_US, _TEXT_US, _PART_US = 6.0, 3.0, 0.3
_RANK_US, _RANGE_US, _PLACE_US = 0.06, 0.3, 0.0025
_CHARACTER_US = 0.0003
"""Microseconds of the scheduler for each node: for an operator and each of its values, and besides
for a list of hosts or ranks, its texts and parts, and the ranks and places of its set.
"""

_MAX_PLACES = 1 << 14
"""Places beyond which a set takes no longer to make."""

_ZERO = re.compile(r"(?:^|[,-])0[0-9]", re.ASCII)
"""A number with a leading zero, which is in another place among texts than among numbers."""

_SEPARATORS = "[, \t\n\r\v\f"
"""Each begins a part of a hostlist, or may do so."""

_BRACKETS = re.compile(r"\[([^\[\]]*)\]")
_BRACKET = re.compile(r"[\[\]]")
_SEPARATED = re.compile(f"[{_SEPARATORS[1:]}]")
_RANGE = re.compile(r"([0-9]{1,64})(?:-([0-9]{1,64}))?", re.ASCII)

_MAX_NUMBER = 1 << 25
"""The highest number in brackets. Flux's decoder does not end if there is one above 64 bits."""


class ConstraintCost:
    """Counts the operators, ranks and hosts of one constraint.

    Attributes:
        node_us: The microseconds in which the scheduler evaluates it for one node.
    """

    def __init__(self) -> None:
        self.node_us = 0.0
        self._ranks_left = _MAX_RANKS
        self._hosts_left = _MAX_HOSTS
        self._parts_left = _MAX_PARTS
        self._characters_left = _MAX_CHARACTERS

    def seconds(self, nodes: int) -> float:
        """Return the time in which the scheduler evaluates it for *nodes* nodes."""
        return self.node_us * nodes / 1e6

    def fault(self, nodes: int) -> Message | None:
        """Return what is wrong if the scheduler takes too long to evaluate it for *nodes* nodes."""
        if self.seconds(nodes) > _MAX_EVALUATION_S:
            return field_message("constraint_slow", nodes=nodes)
        return None

    def add_operator(self, values: Sequence[Any]) -> None:
        """Count an operator, and each of its values."""
        self.node_us += _OPERATOR_US + _VALUE_US * len(values)

    def add(self, operator: str, texts: Sequence[str]) -> Message | None:
        """Count the texts of an operator that has such; return what is wrong with them."""
        characters = sum(map(len, texts))
        self.node_us += _CHARACTER_US * characters
        self._characters_left -= characters
        if self._characters_left < 0:
            return field_message("constraint_characters", limit=_MAX_CHARACTERS)
        if operator == "ranks":
            return self._add_ranks(texts)
        if operator == "hostlist":
            self._parts_left -= _PARTS_PER_OPERATOR
            self.node_us += _LIST_US + _TEXT_US * len(texts)
            fault = next(filter(None, map(self._add_hosts, texts)), None)
            return fault or self._fault_of_hosts()
        return None

    def _add_ranks(self, texts: Sequence[str]) -> Message | None:
        ranges = _ranges(texts)
        if ranges is None:
            return field_message("ranks_list")
        ranks = sum(map(len, ranges))
        self._ranks_left -= ranks + _RANKS_PER_RANGE * len(ranges) + _RANKS_PER_OPERATOR
        self.node_us += _LIST_US + _RANK_US * ranks + _RANGE_US * len(ranges)
        if ranges:
            self.node_us += _PLACE_US * min(ranges[-1].last, _MAX_PLACES)
            self._ranks_left -= ranges[-1].last // _PLACES_PER_RANK
        if self._ranks_left < 0 or (ranges and ranges[-1].last > _MAX_RANK):
            return field_message("ranks_many", limit=_MAX_RANK, count=_MAX_RANKS)
        return None

    def _add_hosts(self, text: str) -> Message | None:
        if not _are_short(text):
            return field_message("host_name", limit=_MAX_NAME_BYTES)
        parts = 1 + sum(map(text.count, _SEPARATORS))
        self._parts_left -= parts
        self.node_us += _PART_US * parts
        if self._parts_left >= 0:
            ranged = _ranged(text)
            if ranged is None:
                return field_message("host_ranges", limit=_MAX_NUMBER)
            self._hosts_left -= parts + ranged
        return self._fault_of_hosts()

    def _fault_of_hosts(self) -> Message | None:
        if min(self._parts_left, self._hosts_left) < 0:
            return field_message("hosts_many", limit=_MAX_HOSTS, parts=_MAX_PARTS)
        return None


def _ranges(texts: Sequence[str]) -> list[Range] | None:
    """Return the ranges of a list of ranks, or ``None`` if Flux cannot read it.

    Flux's scheduler joins the texts in their order. The result must be one idset, with each rank
    once and in ascending order; a single text may have brackets.
    """
    joined = ",".join(sorted(texts))
    if len(texts) == 1 and joined.startswith("[") and joined.endswith("]"):
        joined = joined[1:-1]
    if not joined and len(texts) <= 1:
        return []
    try:
        ranges = read_ranges(joined)
    except ValueError:
        return None
    is_ascending = all(one.last < next_.first for one, next_ in pairwise(ranges))
    return ranges if is_ascending and _ZERO.search(joined) is None else None


def _are_short(text: str) -> bool:
    """Return whether a hostlist has short names only, each with brackets once or not."""
    names = _BRACKETS.sub(_longest_number, text)
    return all(
        len(name.encode("utf-8", "surrogatepass")) <= _MAX_NAME_BYTES
        and name.count("\0") <= 1
        and not _BRACKET.search(name)
        for name in _SEPARATED.split(names)
    )


def _longest_number(brackets: re.Match[str]) -> str:
    """Return a mark and as many characters as the longest number in brackets has."""
    return "\0" + "0" * max(map(len, brackets[1].replace("-", ",").split(",")))


def _ranged(text: str) -> int | None:
    """Return how many hosts the ranges in brackets have besides their first ones.

    ``None`` stands for brackets that Flux cannot read, or reads without an end.
    """
    count = 0
    for brackets in _BRACKETS.finditer(text):
        for part in brackets[1].split(","):
            match = _RANGE.fullmatch(part)
            if match is None:
                return None
            first, last = int(match[1]), int(match[2] or match[1])
            if max(first, last) > _MAX_NUMBER:
                return None
            count += max(last - first, 0)
    return count

"""Checks of the RFC 31 constraints in a request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from .idset import Range, read_ranges
from .message import FieldErrors, Message, Value, field_error, field_message

__all__ = ["check_constraints", "constraint_fault"]

_MAX_DEPTH = 32
_MAX_VALUES = 10_000
"""Limit of the values of all operators together; a hostlist or an idset counts as one."""

_OPERATORS = ("and", "or", "not", "properties", "hostlist", "ranks")
_LOGICAL = frozenset({"and", "or", "not"})
_MAX_RANK = (1 << 18) - 1
"""The highest rank. Flux's set of IDs has a place for each lower one, too."""

_MAX_RANKS = 1 << 19
"""Limit of the ranks of all operators together. Flux reads them at the submission, and again for
each node whenever it schedules the job: half a million take 40 ms each time.
"""

_PLACES_PER_RANK = 1 << 8
"""Places in Flux's set of IDs that take as long as a rank in it, or less."""

_ZERO = re.compile(r"(?:^|[,-])0[0-9]", re.ASCII)
"""A number with a leading zero, which is in another place among texts than among numbers."""


def check_constraints(constraints: Any) -> FieldErrors:
    """Return the errors of a constraint; Flux itself checks hosts, ranks and property names."""
    fault = constraint_fault(constraints)
    return [] if fault is None else [field_error("/constraints", fault)]


def constraint_fault(constraints: Any) -> Message | None:
    """Return why a constraint must not reach Flux, or ``None`` if it may.

    The scheduler of Flux 0.88 checks a constraint while it allocates resources. It ends, and with
    it the instance, if something is not of the form that it expects. Flux's validator lets much of
    that through.
    """
    left, ranks_left = _MAX_VALUES, _MAX_RANKS
    pending: list[tuple[Any, int]] = [(constraints, 0)]
    while pending:
        constraint, depth = pending.pop()
        if not isinstance(constraint, Mapping) or depth > _MAX_DEPTH:
            return _fault("constraint_objects")
        if not constraint:
            return _fault("constraint_empty")
        for operator, values in constraint.items():
            fault = _operator_fault(operator, values, left)
            if fault is not None:
                return fault
            left -= len(values)
            if operator == "ranks":
                ranges = _ranges(values)
                if ranges is None:
                    return _fault("ranks_list")
                ranks_left -= sum(map(_weight, ranges))
                if ranks_left < 0:
                    return _fault("ranks_many", limit=_MAX_RANK)
            if operator in _LOGICAL:
                pending.extend((value, depth + 1) for value in values)
    return None


def _operator_fault(operator: str, values: Any, left: int) -> Message | None:
    """Return what is wrong with an operator, of which *left* values may be read."""
    if operator not in _OPERATORS:
        return _fault("constraint_operator", name=repr(operator[:80]), names=_OPERATORS)
    is_list = isinstance(values, list)
    if is_list and len(values) > left:
        return _fault("constraint_values", limit=_MAX_VALUES)
    if not is_list or not (operator in _LOGICAL or all(isinstance(it, str) for it in values)):
        return _fault("constraint_list", name=operator)
    if operator == "not" and not values:
        return _fault("constraint_not")
    return None


def _ranges(texts: list[str]) -> list[Range] | None:
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


def _weight(ids: Range) -> int:
    """Return how many ranks take as long to read as *ids*."""
    if ids.last > _MAX_RANK:
        return _MAX_RANKS + 1
    return ids.last - ids.first + 1 + ids.last // _PLACES_PER_RANK


def _fault(code: str, /, **params: Value) -> Message:
    return field_message(code, **params)

"""Checks of the RFC 31 constraints in a request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from .idset import read_ranges
from .message import FieldErrors, Message, Value, field_error, field_message

__all__ = ["check_constraints", "constraint_fault"]

_MAX_DEPTH = 32
_MAX_VALUES = 10_000
"""Limit of the values of all operators together; a hostlist or an idset counts as one."""

_OPERATORS = ("and", "or", "not", "properties", "hostlist", "ranks")
_LOGICAL = frozenset({"and", "or", "not"})
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
    left = _MAX_VALUES
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
    return _fault("ranks_list") if operator == "ranks" and not _is_one_idset(values) else None


def _is_one_idset(texts: list[str]) -> bool:
    """Return whether Flux's scheduler can read a list of ranks: it joins the texts in their order.

    The result must be one idset, with each rank once and in ascending order.
    """
    if len(texts) <= 1:
        return True  # Flux's validator reads it in the same way.
    joined = ",".join(sorted(texts))
    try:
        ranges = read_ranges(joined)
    except ValueError:
        return False
    is_ascending = all(one.last < next_.first for one, next_ in pairwise(ranges))
    return is_ascending and _ZERO.search(joined) is None


def _fault(code: str, /, **params: Value) -> Message:
    return field_message(code, **params)

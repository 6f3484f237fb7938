"""Checks of the RFC 31 constraints in a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .idset import IdSet
from .message import FieldErrors, Value, field_error, field_message

__all__ = ["check_constraints", "overlapping_ranks"]

_MAX_DEPTH = 32
_MAX_VALUES = 10_000
"""Limit of the values of all operators together; a hostlist or an idset counts as one."""

_OPERATORS = ("and", "or", "not", "properties", "hostlist", "ranks")
_LOGICAL = frozenset({"and", "or", "not"})


def check_constraints(constraints: Any) -> FieldErrors:
    """Return the errors of a constraint; Flux itself checks hosts, ranks and property names."""
    left = _MAX_VALUES
    pending: list[tuple[Any, int]] = [(constraints, 0)]
    while pending:
        constraint, depth = pending.pop()
        if not isinstance(constraint, Mapping) or depth > _MAX_DEPTH:
            return _wrong("constraint_objects")
        for operator, values in constraint.items():
            if operator not in _OPERATORS:
                return _wrong("constraint_operator", name=repr(operator[:80]), names=_OPERATORS)
            if not isinstance(values, list):
                return _wrong("constraint_list", name=operator)
            left -= len(values)
            if left < 0:
                return _wrong("constraint_values", limit=_MAX_VALUES)
            if operator in _LOGICAL:
                pending.extend((value, depth + 1) for value in values)
            elif not all(isinstance(value, str) for value in values):
                return _wrong("constraint_list", name=operator)
    return []


def overlapping_ranks(constraints: Any) -> str | None:
    """Return the first idset of a ``ranks`` list that shares ranks with an earlier one.

    Returns:
        The idset, or ``None`` if no ranks overlap or *constraints* is not a constraint.
    """
    pending = [constraints]
    looked_at = 0
    while pending and looked_at <= _MAX_VALUES:
        constraint = pending.pop()
        if not isinstance(constraint, Mapping):
            continue
        for operator, values in constraint.items():
            if not isinstance(values, list):
                continue
            looked_at += len(values)
            if operator in _LOGICAL:
                pending.extend(values)
            elif operator == "ranks":
                found = _overlap(values)
                if found is not None:
                    return found
    return None


def _overlap(texts: list[Any]) -> str | None:
    known: list[IdSet] = []
    for text in texts:
        try:
            ids = IdSet.parse(text)
        except (ValueError, AttributeError):
            continue  # Flux rejects it.
        if len(IdSet.union((*known, ids))) < sum(map(len, known)) + len(ids):
            return str(text)
        known = [IdSet.union((*known, ids))]
    return None


def _wrong(code: str, /, **params: Value) -> FieldErrors:
    return [field_error("/constraints", field_message(code, **params))]

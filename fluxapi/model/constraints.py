"""Checks of the RFC 31 constraints in a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .idset import IdSet

__all__ = ["check_constraints", "overlapping_ranks"]

Fields = list[dict[str, str]]
"""``pointer`` and ``detail`` of each invalid field."""

_MAX_DEPTH = 32
_MAX_VALUES = 10_000
"""Limit of the values of all operators together; a hostlist or an idset counts as one."""

_OPERATORS = ("and", "or", "not", "properties", "hostlist", "ranks")
_LOGICAL = frozenset({"and", "or", "not"})


def check_constraints(constraints: Any) -> Fields:
    """Return the errors of a constraint; Flux itself checks hosts, ranks and property names."""
    left = _MAX_VALUES
    pending: list[tuple[Any, int]] = [(constraints, 0)]
    while pending:
        constraint, depth = pending.pop()
        if not isinstance(constraint, Mapping) or depth > _MAX_DEPTH:
            return _wrong("must be objects, not nested too deeply.")
        for operator, values in constraint.items():
            if operator not in _OPERATORS:
                names = ", ".join(_OPERATORS)
                return _wrong(f"{operator!r} is not an operator; those are {names}.")
            if not isinstance(values, list):
                return _wrong(f"{operator} must hold a list.")
            left -= len(values)
            if left < 0:
                return _wrong(f"must hold at most {_MAX_VALUES} values.")
            if operator in _LOGICAL:
                pending.extend((value, depth + 1) for value in values)
            elif not all(isinstance(value, str) for value in values):
                return _wrong(f"{operator} must hold a list.")
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


def _wrong(detail: str) -> Fields:
    return [{"pointer": "/constraints", "detail": detail}]

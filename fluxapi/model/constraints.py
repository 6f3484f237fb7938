"""Checks of the RFC 31 constraints in a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .constraint_cost import ConstraintCost
from .message import FieldErrors, Message, Value, field_error, field_message

__all__ = ["check_constraints", "constraint_fault", "evaluation_seconds"]

_MAX_DEPTH = 32
_MAX_VALUES = 1000
"""Limit of the values of all operators together; a hostlist or an idset counts as one. Flux
compares all of them with each node, whenever it tries to start the job.
"""

_OPERATORS = ("and", "or", "not", "properties", "hostlist", "ranks")
_LOGICAL = frozenset({"and", "or", "not"})


def check_constraints(constraints: Any) -> FieldErrors:
    """Return the errors of a constraint; Flux itself checks hosts, ranks and property names."""
    fault = constraint_fault(constraints)
    return [] if fault is None else [field_error("/constraints", fault)]


def constraint_fault(constraints: Any, nodes: int = 1) -> Message | None:
    """Return why a constraint must not reach a Flux of so many nodes, or ``None`` if it may.

    The scheduler of Flux 0.88 checks a constraint while it allocates resources. It ends, and with
    it the instance, if something is not of the form that it expects. Flux's validator lets much of
    that through.
    """
    cost = ConstraintCost()
    return _count(constraints, cost) or cost.fault(nodes)


def evaluation_seconds(constraints: Any, nodes: int) -> float:
    """Return the time in which the scheduler evaluates a constraint for so many nodes."""
    cost = ConstraintCost()
    _count(constraints, cost)
    return cost.seconds(nodes)


def _count(constraints: Any, cost: ConstraintCost) -> Message | None:
    """Count the parts of a constraint; return what is wrong with them."""
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
            cost.add_operator(values)
            if operator in _LOGICAL:
                pending.extend((value, depth + 1) for value in values)
                continue
            fault = cost.add(operator, values)
            if fault is not None:
                return fault
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


def _fault(code: str, /, **params: Value) -> Message:
    return field_message(code, **params)

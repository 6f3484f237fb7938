"""RFC 31 constraints, evaluated against the one node of the embedded instance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fluxapi.errors import FluxRefused
from fluxapi.model.hostlist import holds_host, other_host
from fluxapi.model.idset import IdSet

__all__ = ["check_constraint", "matches"]

_RANK = 0
_MAX_DEPTH = 32
"""Levels of nested operators, well below Python's recursion limit."""

_BAD_CHARACTERS = frozenset("&'\"`|()")


def check_constraint(constraint: Any, hostname: str, depth: int = 1) -> None:
    """Raise ``FluxRefused`` for an invalid constraint, or one that names unknown hosts.

    *depth* is the nesting level of *constraint*.
    """
    if depth > _MAX_DEPTH:
        raise FluxRefused(f"constraints must not be nested deeper than {_MAX_DEPTH} levels")
    if not isinstance(constraint, dict):
        raise FluxRefused("constraints must be a mapping")
    for operator, arguments in constraint.items():
        if not isinstance(arguments, list):
            raise FluxRefused(f"argument to constraint {operator} must be a sequence")
        if operator in {"and", "or", "not"}:
            for argument in arguments:
                check_constraint(argument, hostname, depth + 1)
            continue
        if operator not in {"properties", "hostlist", "ranks"}:
            raise FluxRefused(f"unknown constraint operator '{operator}'")
        for argument in arguments:
            _check_argument(operator, argument, hostname)


def _check_argument(operator: str, argument: Any, hostname: str) -> None:
    if not isinstance(argument, str):
        raise FluxRefused(f"argument to constraint {operator} must hold strings")
    if operator == "properties" and _BAD_CHARACTERS.intersection(argument):
        raise FluxRefused(f"invalid character in property '{argument}'")
    try:
        if operator == "ranks":
            IdSet.parse(argument)
        elif operator == "hostlist":
            host = other_host(argument, hostname)
            if host is not None:
                raise FluxRefused(
                    f"host constraint contains invalid hosts: host '{host}' not found"
                )
    except ValueError as error:
        raise FluxRefused(f"constraint {operator}: {argument!r} {error}") from None


def matches(constraint: Mapping[str, Any] | None, hostname: str) -> bool:
    """Return whether the node, which has no properties, satisfies a checked *constraint*."""
    return constraint is None or all(
        _holds(operator, arguments, hostname) for operator, arguments in constraint.items()
    )


def _holds(operator: str, arguments: list[Any], hostname: str) -> bool:
    if operator == "and":
        return all(matches(argument, hostname) for argument in arguments)
    if operator == "or":
        return any(matches(argument, hostname) for argument in arguments)
    if operator == "not":
        return not all(matches(argument, hostname) for argument in arguments)
    if operator == "hostlist":
        return any(holds_host(argument, hostname) for argument in arguments)
    if operator == "ranks":
        return any(_RANK in IdSet.parse(argument) for argument in arguments)
    return all(argument.startswith("^") for argument in arguments)

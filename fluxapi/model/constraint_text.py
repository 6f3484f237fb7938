"""RFC 31 constraints in the syntax of ``flux submit --requires`` (RFC 35), for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["constraint_text"]

_MAX_DEPTH = 30
_JOINED = {"and": " & ", "or": " | "}
_LISTS = {"hostlist": "host", "ranks": "rank"}


def constraint_text(constraint: Any) -> str:
    """Return a constraint as the query that gives it; empty if it is none that Flux would take."""
    try:
        return _text(constraint, 0)[0]
    except (TypeError, ValueError):
        return ""


def _text(constraint: Any, depth: int) -> tuple[str, bool]:
    """Return a query, and whether it is a single term; raise ``TypeError`` or ``ValueError``."""
    if not isinstance(constraint, Mapping) or depth > _MAX_DEPTH:
        raise ValueError("is no constraint")
    found = [_operator(name, values, depth) for name, values in constraint.items()]
    return _joined([it for it in found if it[0]], " & ")


def _operator(name: str, values: Any, depth: int) -> tuple[str, bool]:
    if not isinstance(values, list):
        raise TypeError("the operands are a list")
    if name == "properties":
        return _joined([(_quoted(value), True) for value in values], " & ")
    if name in _LISTS:
        return (f"{_LISTS[name]}:{','.join(map(_quoted, values))}", True) if values else ("", True)
    inner = [it for it in (_text(value, depth + 1) for value in values) if it[0]]
    if name == "not":
        text, is_term = _joined(inner, " & ")
        return (f"-{text}" if is_term else f"not ({text})", False) if text else ("", True)
    return _joined(inner, _JOINED[name]) if name in _JOINED else ("", True)


def _joined(parts: list[tuple[str, bool]], sign: str) -> tuple[str, bool]:
    if len(parts) == 1:
        return parts[0]
    return sign.join(text if is_term else f"({text})" for text, is_term in parts), not parts


def _quoted(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("an operand is a text")
    return f'"{value}"' if any(it in value for it in " ()|&") else value

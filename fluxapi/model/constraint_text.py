"""RFC 31 constraints in the syntax of ``flux submit --requires`` (RFC 35), for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

__all__ = ["constraint_text"]

_MAX_DEPTH = 30
_MAX_TERMS = 500
"""Operators and operands that are read; a job may have some ten thousand."""

_JOINED = {"and": " & ", "or": " | "}
_LISTS = {"hostlist": "host", "ranks": "rank"}


def constraint_text(constraint: Any) -> str:
    """Return a constraint as the query that gives it; empty if it is none that Flux would take.

    Of a long constraint, the text contains the first terms, and an ellipsis.
    """
    reader = _Reader()
    try:
        text, _ = reader.text(constraint, 0)
    except (TypeError, ValueError):
        return ""
    return f"{text} …" if reader.is_cut else text


class _Reader:
    """Reads the first terms of a constraint; a text comes with whether it is a single term."""

    def __init__(self) -> None:
        self._left = _MAX_TERMS
        self.is_cut = False

    def text(self, constraint: Any, depth: int) -> tuple[str, bool]:
        """Return a query; raise ``TypeError`` or ``ValueError``."""
        if not isinstance(constraint, Mapping) or depth > _MAX_DEPTH:
            raise ValueError("is not a constraint")
        operators = self._first(constraint)
        found = [self._operator(name, constraint[name], depth) for name in operators]
        return _joined([it for it in found if it[0]], " & ")

    def _first(self, found: Iterable[Any]) -> Iterator[Any]:
        """Yield operators or operands, each when it is asked for, as long as more may be read."""
        for value in found:
            if not self._left:
                self.is_cut = True
                return
            self._left -= 1
            yield value

    def _operator(self, name: str, values: Any, depth: int) -> tuple[str, bool]:
        if not isinstance(values, list):
            raise TypeError("the operands are a list")
        operands = self._first(values)
        if name == "properties":
            return _joined([(_quoted(value), True) for value in operands], " & ")
        if name in _LISTS:
            text = ",".join(map(_quoted, operands))
            return (f"{_LISTS[name]}:{text}" if values else "", True)
        inner = [it for it in (self.text(value, depth + 1) for value in operands) if it[0]]
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

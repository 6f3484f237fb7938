"""The constraint query syntax of ``flux submit --requires`` (RFC 35), as RFC 31 objects.

``a b`` and ``a & b`` are both, ``a | b`` either, ``-a`` and ``not (…)`` the opposite. A term is
``host:LIST``, ``rank:IDSET`` or a property.
"""

from __future__ import annotations

import re
from typing import Any

__all__ = ["ConstraintError", "constraint"]

_OPERATORS = {"host": "hostlist", "rank": "ranks"}
_TOKEN = re.compile(
    r"""\s*(?:(?P<open>\()|(?P<close>\))|(?P<or>\|\|?|or\b)|(?P<and>&&?|and\b)|(?P<not>not\b)"""
    r"""|(?P<minus>-)|(?P<term>(?:[^()|&\s"']+|"[^"]*"|'[^']*')+))""",
    re.IGNORECASE,
)
_MAX_DEPTH = 30


class ConstraintError(ValueError):
    """The text is no constraint; the message says why, without a full stop."""


def constraint(text: str) -> dict[str, Any]:
    """The constraint object of a query; raises :class:`ConstraintError`."""
    reader = _Reader(_tokens(text))
    found = reader.either()
    if reader.kind:
        raise ConstraintError(f"{reader.text!r} is one too many")
    return found


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens, at = [], 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise ConstraintError(f"{text[at:].strip()!r} cannot be read: a quote is not closed")
        tokens.append((match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return [*tokens, ("", "the end")]


class _Reader:
    """Takes tokens from left to right: ``or`` binds least, then ``and``, then ``not``."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    @property
    def kind(self) -> str:
        return self._tokens[self._at][0]

    @property
    def text(self) -> str:
        return self._tokens[self._at][1]

    def _next(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1][1]

    def either(self) -> dict[str, Any]:
        parts = [self._both()]
        while self.kind == "or":
            self._next()
            parts.append(self._both())
        return {"or": parts} if len(parts) > 1 else parts[0]

    def _both(self) -> dict[str, Any]:
        parts = [self._one()]
        while self.kind not in {"", "or", "close"}:
            if self.kind == "and":
                self._next()
            parts.append(self._one())
        if len(parts) == 1:
            return parts[0]
        if all(list(part) == ["properties"] for part in parts):
            return {"properties": [name for part in parts for name in part["properties"]]}
        return {"and": parts}

    def _one(self) -> dict[str, Any]:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise ConstraintError("it is nested too deeply")
        found = self._inner()
        self._depth -= 1
        return found

    def _inner(self) -> dict[str, Any]:
        if self.kind in {"not", "minus"}:
            self._next()
            return {"not": [self._one()]}
        if self.kind == "open":
            self._next()
            found = self.either()
            if self.kind != "close":
                raise ConstraintError(f"there must be ) in place of {self.text}")
            self._next()
            return found
        if self.kind != "term":
            raise ConstraintError(f"a term is missing before {self.text}")
        return _term(self._next())


def _term(text: str) -> dict[str, Any]:
    plain = re.sub(r"\"([^\"]*)\"|'([^']*)'", lambda match: match[1] or match[2] or "", text)
    operator, colon, value = plain.partition(":")
    if not colon:
        return {"properties": plain.split(",")}
    if operator not in _OPERATORS or not value:
        known = ", ".join(f"{name}:…" for name in _OPERATORS)
        raise ConstraintError(f"{text!r} is no term: {known} or a property")
    return {_OPERATORS[operator]: [value]}

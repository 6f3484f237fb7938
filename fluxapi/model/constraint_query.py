"""The constraint query syntax of ``flux submit --requires`` (RFC 35), as RFC 31 objects.

``a b`` and ``a & b`` are both, ``a | b`` either, ``-a`` and ``not (…)`` the opposite. A term is
``host:LIST``, ``hosts:LIST``, ``rank:IDSET`` or a property. The grammar is that of flux-core's
``flux.constraint.parser``: ``&`` binds tighter than ``|``, and a blank before a term ends what is
before it, so that ``a|b c`` is ``(a|b) & c``. A negation belongs to what is before it, so that
``not a -b`` is ``not (a & -b)``.
"""

from __future__ import annotations

import re
from typing import Any

from .message import NotReadable

__all__ = ["ConstraintError", "constraint"]

_OPERATORS = {"host": "hostlist", "hosts": "hostlist", "rank": "ranks"}
_NAMES = frozenset({"hostlist", "properties", "ranks"})
_TOKEN = re.compile(
    r"""\s*(?:(?P<open>\()|(?P<close>\))|(?P<or>\|\|?|or\b)|(?P<and>&&?|and\b)|(?P<not>not\b)"""
    r"""|(?P<minus>-)|(?P<term>(?:[^()|&\s"']+|"[^"]*"|'[^']*')+))""",
)
_REST = re.compile(r"\s*\S")
_MAX_DEPTH = 30


class ConstraintError(NotReadable):
    """The text is not a constraint; the message says why, without a period."""


def constraint(text: str) -> dict[str, Any]:
    """Parse a query to a constraint object; raise :class:`ConstraintError`."""
    reader = _Reader(_tokens(text))
    found = reader.expression()
    if reader.kind:
        raise ConstraintError("query_unexpected", text=repr(reader.text))
    if _depth(found) > _MAX_DEPTH:
        raise ConstraintError("query_too_deep")
    return found


def _depth(found: dict[str, Any]) -> int:
    """Return the number of levels of an object: ``a|b c|d e`` nests without brackets."""
    depth, level = 0, [found]
    while level:
        depth += 1
        members = (value for one in level for values in one.values() for value in values)
        level = [value for value in members if isinstance(value, dict)]
    return depth


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens, at = [], 0
    while _REST.match(text, at):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise ConstraintError("query_quote", text=repr(text[at:].strip()))
        tokens.append((match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return [*tokens, ("", "the end")]


_OR, _AND, _TIGHTEST = 1, 2, 3
"""How tightly an operator binds; a blank in front of a term ends an operand of either."""


class _Reader:
    """A recursive descent parser over tokens."""

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

    def expression(self, least: int = 0) -> dict[str, Any]:
        """Parse operands joined by operators of at least this precedence."""
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise ConstraintError("query_too_deep")
        found = self._one()
        while True:
            if self.kind == "and" and least <= _AND:
                self._next()
                found = _both(found, self.expression(_TIGHTEST))
            elif self.kind == "or" and least <= _OR:
                self._next()
                found = _either(found, self.expression(_AND))
            elif self.kind in _NEGATIONS or (self.kind in {"open", "term"} and least == 0):
                found = _both(found, self.expression(_TIGHTEST))
            else:
                self._depth -= 1
                return found

    def _one(self) -> dict[str, Any]:
        if self.kind == "minus":
            self._next()
            if self.kind != "term":
                raise ConstraintError("query_minus", text=self.text)
            return {"not": [_term(self._next())]}
        if self.kind == "not":
            self._next()
            return {"not": [self.expression(_TIGHTEST)]}
        if self.kind == "open":
            self._next()
            found = self.expression()
            if self.kind != "close":
                raise ConstraintError("query_bracket", text=self.text)
            self._next()
            return found
        if self.kind != "term":
            raise ConstraintError("query_term_missing", text=self.text)
        return _term(self._next())


_NEGATIONS = frozenset({"minus", "not"})
"""Tokens that bind to what is before them as tightly as can be."""


def _both(left: dict[str, Any], right: dict[str, Any]) -> dict[str, Any]:
    if "and" in left:
        return {"and": [*left["and"], right]}
    if "properties" in left and "properties" in right:
        return {"properties": [*left["properties"], *right["properties"]]}
    return {"and": [left, right]}


def _either(left: dict[str, Any], right: dict[str, Any]) -> dict[str, Any]:
    return {"or": [*left.get("or", [left]), right]}


def _term(text: str) -> dict[str, Any]:
    plain = re.sub(r"\"([^\"]*)\"|'([^']*)'", lambda match: match[1] or match[2] or "", text)
    operator, colon, value = plain.partition(":")
    if not colon:
        return {"properties": plain.split(",")}
    name = _OPERATORS.get(operator, operator)
    if name not in _NAMES or not value:
        known = [f"{known}:…" for known in _OPERATORS]
        raise ConstraintError("query_no_term", text=repr(text), names=known)
    return {name: value.split(",") if name == "properties" else [value]}

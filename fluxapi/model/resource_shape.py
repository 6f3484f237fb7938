"""The shape of resources on a command line (RFC 46), as a list of resources (RFC 14).

``slot=4/node`` is four slots of a node each; ``node/[slot{a}/core;slot{b}/core=2]`` is a node with
slots of two kinds. The result is that of flux-core's ``flux.shape.parser``.
"""

from __future__ import annotations

import json
import re
from typing import Any

from .message import Message, NotReadable, Value

__all__ = ["ShapeError", "resources_of"]

_MAX_SHAPE_LENGTH = 4096
_MAX_DEPTH = 30

_BLANKS = re.compile(r"\s*")
_TYPE = re.compile(r"[^={}\[\]/;\s\"']+")
_QUOTED = re.compile(r"\"([^\"]*)\"|'([^']*)'")
_COUNT = re.compile(
    r"[1-9]\d*(?:-[1-9]\d*)?(?:,[1-9]\d*(?:-[1-9]\d*)?)+"
    r"|[1-9]\d*(?:-[1-9]\d*|\+)(?::[1-9]\d*(?::[+*^])?)?|[1-9]\d*",
    re.ASCII,
)
_KEY = re.compile(r"(?![+-])[^:,{}\"']+")
_ARRAY = re.compile(r"\[[^\]]*\]")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d*)?(?:[eE][+-]?\d+)?(?=\s*[},])", re.ASCII)
_TEXT = re.compile(r"[^,{}\[\]\"']+")
_WORDS = {"false": False, "null": None, "true": True}


def _form(code: str) -> Message:
    return Message("forms", code)


_END = _form("end")


class ShapeError(NotReadable):
    """The text is not a shape; the message says why, without a period."""


def resources_of(text: str) -> list[dict[str, Any]]:
    """Parse a shape to a list of resources; raise :class:`ShapeError`."""
    if len(text) > _MAX_SHAPE_LENGTH:
        raise ShapeError("shape_too_long", limit=_MAX_SHAPE_LENGTH)
    reader = _Reader(text)
    found = reader.vertices()
    reader.expect_end()
    return found


class _Reader:
    """A recursive descent parser."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self._slots = 0

    def expect_end(self) -> None:
        """Raise an error unless the text ends here."""
        if self._rest():
            raise self._error(_END)

    def vertices(self) -> list[dict[str, Any]]:
        """Read one resource, or several in brackets."""
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise ShapeError("shape_too_deep")
        if self._takes("["):
            found = [self._vertex()]
            while self._takes(";"):
                found.append(self._vertex())
            self._expect("]")
        else:
            found = [self._vertex()]
        self._depth -= 1
        return found

    def _vertex(self) -> dict[str, Any]:
        quoted = self._quoted()
        kind = self._take(_TYPE, _form("resource_type")) if quoted is None else quoted
        is_slot = quoted is None and kind.lower() == "slot"
        count = self._count() if self._takes("=") else 1
        vertex: dict[str, Any] = {"type": "slot" if is_slot else kind, "count": count}
        if is_slot:
            vertex |= self._label()
            self._expect("/")
        elif self._takes("{"):
            vertex |= self._items()
        if is_slot or self._takes("/"):
            vertex["with"] = self.vertices()
        return vertex

    def _label(self) -> dict[str, Any]:
        """Read the label of a slot, and the attributes behind it."""
        self._slots += 1
        if not self._takes("{"):
            if self._slots > 1:
                raise ShapeError("shape_labels")
            return {"label": "task"}
        label = {"label": self._key()}
        if self._takes(","):
            return label | self._items()
        self._expect("}")
        return label

    def _count(self) -> int | str:
        has_brackets = self._takes("[")
        text = self._take(_COUNT, _form("count"))
        if has_brackets:
            self._expect("]")
        return int(text) if text.isdigit() else text

    def _items(self) -> dict[str, Any]:
        """Read attributes up to the closing brace."""
        found: dict[str, Any] = {}
        if self._takes("}"):
            return found
        while True:
            if self._takes("-"):
                found[self._key()] = False
            elif self._takes("+"):
                found[self._key()] = True
            else:
                key = self._key()
                found[key] = self._value() if self._takes(":") else True
            if not self._takes(","):
                break
        self._expect("}")
        return found

    def _key(self) -> str:
        quoted = self._quoted()
        key = self._take(_KEY, _form("name")) if quoted is None else quoted
        return "exclusive" if key == "x" and quoted is None else key

    def _value(self) -> Any:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise ShapeError("shape_too_deep")
        value = self._items() if self._takes("{") else self._plain()
        self._depth -= 1
        return value

    def _plain(self) -> Any:
        quoted = self._quoted()
        if quoted is not None:
            return quoted
        if self._rest().startswith("["):
            text = self._take(_ARRAY, _form("array"))
            try:
                return json.loads(text.replace("'", '"'))
            except (ValueError, RecursionError):
                raise ShapeError("shape_no_array", text=repr(text[:80])) from None
        match = _NUMBER.match(self._text, self._at)
        if match is not None:
            self._at = match.end()
            try:
                return int(match[0])
            except ValueError:
                return float(match[0])
        text = self._take(_TEXT, _form("value"))
        return _WORDS.get(text.lower(), text)

    def _rest(self) -> str:
        match = _BLANKS.match(self._text, self._at)
        self._at = self._at if match is None else match.end()
        return self._text[self._at :]

    def _takes(self, char: str) -> bool:
        if not self._rest().startswith(char):
            return False
        self._at += 1
        return True

    def _expect(self, char: str) -> None:
        if not self._takes(char):
            raise self._error(repr(char))

    def _take(self, pattern: re.Pattern[str], what: Value) -> str:
        self._rest()
        match = pattern.match(self._text, self._at)
        if match is None:
            raise self._error(what)
        self._at = match.end()
        return match[0]

    def _quoted(self) -> str | None:
        self._rest()
        match = _QUOTED.match(self._text, self._at)
        if match is None:
            return None
        self._at = match.end()
        return match[1] if match[1] is not None else match[2]

    def _error(self, expected: Value) -> ShapeError:
        rest = self._rest()
        found: Value = repr(rest[:40]) if rest else _END
        params: dict[str, Value] = {"expected": expected, "at": str(self._at), "found": found}
        return ShapeError("shape_expected", **params)

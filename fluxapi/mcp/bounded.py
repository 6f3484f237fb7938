"""Text and JSON of jobs, bounded in size and without control characters.

Everything that a job says may be hostile, to the terminal that shows it and to the reader.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fluxapi.process.text import safe

__all__ = ["MAX_OUTPUT_CHARS", "MAX_TEXT_CHARS", "last_lines", "sentence", "value"]

MAX_TEXT_CHARS = 1000
"""Characters of one text in a record."""

MAX_OUTPUT_CHARS = 50_000
"""Characters of the end of an output."""

_MAX_VALUES = 1000
"""Texts, numbers, lists and objects in one record."""

_MAX_DEPTH = 8
_CUT = "…"


def sentence(text: str, limit: int = MAX_TEXT_CHARS) -> str:
    """Return *text* on one line of at most *limit* characters."""
    shown = safe(text[:limit])
    return shown[:limit] + (_CUT if len(text) > limit or len(shown) > limit else "")


def last_lines(text: str, count: int) -> tuple[str, bool]:
    """Return the last *count* lines, and whether characters before them or in them were cut."""
    ending = "\n" if text.endswith("\n") else ""
    lines = text[-(MAX_OUTPUT_CHARS + 1) :].removesuffix("\n").split("\n")[-count:]
    whole = "\n".join(map(_line, lines))
    is_cut = len(text) > MAX_OUTPUT_CHARS or len(whole) > MAX_OUTPUT_CHARS
    return whole[-MAX_OUTPUT_CHARS:] + ending, is_cut


def _line(line: str) -> str:
    return "\t".join(map(safe, line.removesuffix("\r").split("\t")))


def value(given: object) -> Any:
    """Return a JSON value with its texts shortened, and without what exceeds the limits."""
    return _Budget().take(given, _MAX_DEPTH)


class _Budget:
    """The number of values that one answer may still have."""

    def __init__(self) -> None:
        self._left = _MAX_VALUES

    def take(self, given: object, depth: int) -> Any:
        self._left -= 1
        if given is None or isinstance(given, (bool, int, float)):
            return given
        if isinstance(given, str):
            return sentence(given)
        if depth == 0 or self._left <= 0:
            return _CUT
        if isinstance(given, Mapping):
            return self._members(given, depth)
        if isinstance(given, (list, tuple)):
            return self._items(given, depth)
        return sentence(str(given))

    def _members(self, given: Mapping[Any, object], depth: int) -> dict[str, Any]:
        taken: dict[str, Any] = {}
        for name, member in given.items():
            if self._left <= 0:
                taken[_CUT] = _CUT
                break
            taken[sentence(str(name))] = self.take(member, depth - 1)
        return taken

    def _items(self, given: list[object] | tuple[object, ...], depth: int) -> list[Any]:
        taken: list[Any] = []
        for item in given:
            if self._left <= 0:
                taken.append(_CUT)
                break
            taken.append(self.take(item, depth - 1))
        return taken

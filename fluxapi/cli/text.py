"""Text for people: what a job says is shown, never obeyed by a terminal."""

from __future__ import annotations

import unicodedata
from typing import Any

__all__ = ["plural", "safe", "safe_tree"]

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Controls, marks of direction, surrogates and separators of lines (Unicode categories)."""

_JOINERS = "\u200c\u200d"
"""They hold emoji and letters together, and do nothing else."""


def safe(text: str) -> str:
    """``text`` on one line, with an escape in place of what a terminal would obey."""
    if text.isprintable():
        return text
    return "".join(_shown(char) for char in text)


def _shown(char: str) -> str:
    if unicodedata.category(char) not in _UNSEEN or char in _JOINERS:
        return char
    return char.encode("unicode_escape").decode("ascii")


def safe_tree(value: Any) -> Any:
    """A JSON value with all its texts and names made safe."""
    if isinstance(value, str):
        return safe(value)
    if isinstance(value, dict):
        return {safe(str(key)): safe_tree(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [safe_tree(item) for item in value]
    return value


def plural(count: int, noun: str) -> str:
    """``1 job``, ``2 jobs``, ``1,000 jobs``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"

"""Text of others, made fit to be shown: what a job says is never an instruction to a terminal."""

from __future__ import annotations

import unicodedata

__all__ = ["safe"]

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

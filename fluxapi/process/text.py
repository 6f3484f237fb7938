"""Escapes untrusted text, so that a job cannot send control sequences to a terminal."""

from __future__ import annotations

import unicodedata

__all__ = ["safe"]

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories of control and format characters, surrogates and line separators."""

_JOINERS = "\u200c\u200d"
"""Joiners of emoji and letters, which are harmless."""


def safe(text: str) -> str:
    """Return *text* on one line, with control characters escaped."""
    if text.isprintable():
        return text
    return "".join(_shown(char) for char in text)


def _shown(char: str) -> str:
    if unicodedata.category(char) not in _UNSEEN or char in _JOINERS:
        return char
    return char.encode("unicode_escape").decode("ascii")

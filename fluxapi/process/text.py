"""Untrusted text, made safe for a terminal and for encoding."""

from __future__ import annotations

import unicodedata
from typing import Any

__all__ = ["encodable", "safe"]

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories of control and format characters, surrogates and line separators."""

_JOINERS = "\u200c\u200d"
"""Joiners of emoji and letters, which are harmless."""


def safe(text: str) -> str:
    """Return *text* on one line, with control characters escaped.

    A job can then send no control sequence to a terminal.
    """
    if text.isprintable():
        return text
    return "".join(_shown(char) for char in text)


def encodable(value: Any) -> Any:
    """Return a JSON value with ``?`` for lone surrogates, which stand for bytes that are not UTF-8.

    Neither HTML nor JSON can encode them.
    """
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [encodable(item) for item in value]
    if isinstance(value, dict):
        return {encodable(name): encodable(item) for name, item in value.items()}
    return value


def _shown(char: str) -> str:
    if unicodedata.category(char) not in _UNSEEN or char in _JOINERS:
        return char
    return char.encode("unicode_escape").decode("ascii")

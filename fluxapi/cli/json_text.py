"""JSON as Flux writes it."""

from __future__ import annotations

import json
import re

from fluxapi.process.text import safe

__all__ = ["json_problem", "json_text", "shown_json"]

_COMPACT = (",", ":")
_SPACED = (", ", ": ")
_STRING_OR_REAL = re.compile(
    r'"[^"\\]*(?:\\.[^"\\]*)*"|-?[0-9]+(?:\.[0-9]+(?:e[-+]?[0-9]+)?|e[-+]?[0-9]+)'
)


def json_text(document: object, *, compact: bool = False) -> str:
    """Return a document as jansson, the JSON library of Flux, writes it: reals have 17 digits."""
    text = json.dumps(document, ensure_ascii=False, separators=_COMPACT if compact else _SPACED)
    return _STRING_OR_REAL.sub(_seventeen_digits, text)


def shown_json(document: object, *, compact: bool = False) -> str:
    """Return :func:`json_text` with JSON escapes for what a terminal obeys or does not show."""
    text = json_text(document, compact=compact)
    if text.isprintable():
        return text
    return "".join(it if safe(it) == it else json.dumps(it)[1:-1] for it in text)


def json_problem(error: ValueError) -> str:
    """Return why bytes or a text cannot be decoded as JSON, in words that are not Python's."""
    if isinstance(error, json.JSONDecodeError):
        return f"not valid JSON (line {error.lineno}, column {error.colno})"
    return "not UTF-8" if isinstance(error, UnicodeDecodeError) else f"not valid JSON: {error}"


def _seventeen_digits(found: re.Match[str]) -> str:
    text = found[0]
    if text.startswith('"'):
        return text
    digits, exponent, power = f"{float(text):.17g}".partition("e")
    if exponent:
        return f"{digits}e{int(power)}"
    return digits if "." in digits else f"{digits}.0"

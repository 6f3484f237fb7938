"""Text of others, made fit to be shown: what a job says is never an instruction to a terminal."""

from __future__ import annotations

import html
import json

__all__ = ["cell", "plain", "quoted", "span"]

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def plain(text: str) -> str:
    """The text with an escape for everything that cannot be printed: controls, bidi overrides."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


def quoted(text: str) -> str:
    """The text in double quotes, on one line."""
    return plain(json.dumps(text, ensure_ascii=False))


def cell(value: object) -> str:
    """A value as the content of an HTML element."""
    return "" if value is None else html.escape(plain(str(value)))


def span(seconds: float) -> str:
    """A time in the manner of Flux (RFC 23): ``12.3s``, ``5.2m``, ``1.5h``, ``2d``."""
    for unit, size in (("d", _DAY), ("h", _HOUR), ("m", _MINUTE)):
        if seconds >= size:
            return f"{seconds / size:.4g}{unit}"
    return f"{max(seconds, 0.0):.3g}s"

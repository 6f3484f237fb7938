"""Text of values in reprs and in the tables of notebooks."""

from __future__ import annotations

import html
import json

from fluxapi.process.text import safe

__all__ = ["cell", "quoted", "span"]

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def quoted(text: str) -> str:
    """Return the text in double quotes, on one line."""
    return safe(json.dumps(text, ensure_ascii=False))


def cell(value: object) -> str:
    """Return a value as the content of an HTML element."""
    return "" if value is None else html.escape(safe(str(value)))


def span(seconds: float) -> str:
    """Format a duration as Flux does (RFC 23): ``12.3s``, ``5.2m``, ``1.5h``, ``2d``."""
    for unit, size in (("d", _DAY), ("h", _HOUR), ("m", _MINUTE)):
        if seconds >= size:
            return f"{seconds / size:.4g}{unit}"
    return f"{max(seconds, 0.0):.3g}s"

"""Text of values in reprs and in the tables of notebooks."""

from __future__ import annotations

from fluxapi.process.text import safe

__all__ = ["cell", "quoted"]


def quoted(text: str) -> str:
    """Return the text in double quotes, on one line."""
    import json  # noqa: PLC0415 - takes long, and few programs need it

    return safe(json.dumps(text, ensure_ascii=False))


def cell(value: object) -> str:
    """Return a value as the content of an HTML element."""
    import html  # noqa: PLC0415 - as above

    return "" if value is None else html.escape(safe(str(value)))

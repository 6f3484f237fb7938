"""Makes hidden characters in text of jobs visible, and those that change its direction.

The scripts of the pages do the same (``frontend/src/ui/visible.js``); one table of cases tests
both.
"""

from __future__ import annotations

import re

from markupsafe import Markup, escape

__all__ = ["LONG", "MEDIUM", "SHORT", "escaped", "unbroken", "visible"]

SHORT = 200
"""Most characters of a name."""

MEDIUM = 500
"""Most characters of a fact."""

LONG = 2000
"""Most characters of a text in a wide place."""

_HIDDEN = "\x80-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
"""C1 controls, marks and overrides of direction, line separators, characters without width."""

_IN_TEXT = re.compile(f"[\x00-\x1f\x7f{_HIDDEN}]")
_IN_LINES = re.compile(f"[\x00-\x08\x0b-\x1f\x7f{_HIDDEN}]")
_IN_JSON = re.compile(f"[\x7f{_HIDDEN}]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")


def visible(text: object, most: int = LONG, *, lines: bool = False) -> str:
    """Return at most *most* characters of a text with its hidden characters escaped.

    With ``lines``, newlines and tabs stay unchanged.
    """
    whole = str(text)
    part = whole if len(whole) <= most else f"{whole[:most]} …"
    hidden = _IN_LINES if lines else _IN_TEXT
    return _SURROGATE.sub("\ufffd", hidden.sub(lambda it: f"⟨U+{ord(it[0]):04X}⟩", part))


def escaped(json: str) -> str:
    """Escape the hidden characters in JSON, so that it keeps its meaning."""
    return _IN_JSON.sub(lambda it: f"\\u{ord(it[0]):04x}", json)


def unbroken(text: str) -> Markup:
    """Return a text as HTML in which no option of a command is broken behind its hyphens."""
    whole = _OPTION.sub(lambda it: f'<span class="unbroken">{it[0]}</span>', str(escape(text)))
    return Markup(whole)  # noqa: S704 - escaped

"""Text of strangers as text: what would not show, or would show other text in another order, is
written out.

The scripts of the pages do the same (``frontend/src/ui/visible.js``); one table of cases holds both
to it.
"""

from __future__ import annotations

import re

__all__ = ["LONG", "MEDIUM", "SHORT", "escaped", "visible"]

SHORT = 200
"""Characters of a name."""

MEDIUM = 500
"""Characters of a fact."""

LONG = 2000
"""Characters of what has room."""

_HIDDEN = "\x80-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
"""C1 controls, marks and overrides of direction, separators of lines, what has no width."""

_IN_TEXT = re.compile(f"[\x00-\x1f\x7f{_HIDDEN}]")
_IN_LINES = re.compile(f"[\x00-\x08\x0b-\x1f\x7f{_HIDDEN}]")
_IN_JSON = re.compile(f"[\x7f{_HIDDEN}]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def visible(text: object, most: int = LONG, *, lines: bool = False) -> str:
    """At most so many characters of a text, none of them hidden.

    With ``lines``, newlines and tabs stay as they are.
    """
    whole = str(text)
    part = whole if len(whole) <= most else f"{whole[:most]} …"
    hidden = _IN_LINES if lines else _IN_TEXT
    return _SURROGATE.sub("\ufffd", hidden.sub(lambda it: f"⟨U+{ord(it[0]):04X}⟩", part))


def escaped(json: str) -> str:
    """JSON that says the same without a character that would not show."""
    return _IN_JSON.sub(lambda it: f"\\u{ord(it[0]):04x}", json)

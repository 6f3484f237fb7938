"""The comments of scripts and style sheets, for the counter of prose."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Comment", "comments"]

_TOKEN = re.compile(
    r"""
    (?P<comment>/\*.*?\*/|(?:^[ \t]*//[^\n]*(?:\n|\Z))+|//[^\n]*)
    |"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`
    |(?<=[=(,:!&|?{};\n])[ ]*/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n\[])+/
    """,
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)
"""A comment, or a string or pattern, in which the signs of a comment mean nothing."""

_SIGNS = re.compile(r"^[ \t]*(?:/\*\*?|//|\*(?!/))[ ]?", re.MULTILINE)
_TAGS = re.compile(r"(?:^|\s)@\w+")
_FUNCTION = re.compile(
    r"(?:export )?(?:default )?(?:async )?function\b"
    r"|(?:export )?const \w+ = (?:async )?\([^\n]*=>"
    r"|(?!if|for|while|switch|return|constructor)(?:async )?\*?#?\w+\((?:[^\n]*\) \{)?$"
    r"|static (?:async )?#?\w+\([^\n]*\) \{$"
)


class Comment(NamedTuple):
    """A comment, without its signs and tags."""

    line: int
    text: str
    is_of_function: bool
    """True if it documents a function: it is a JSDoc comment in front of one."""


def comments(source: str) -> Iterator[Comment]:
    """Yield the comments of a script or a style sheet; those of consecutive lines are one."""
    for found in _TOKEN.finditer(source):
        raw = found["comment"]
        if raw is None:
            continue
        text = _SIGNS.sub("", raw).removesuffix("*/")
        text = _TAGS.split(text, maxsplit=1)[0].strip()
        if text:
            code = source[found.end() :].lstrip("\n").partition("\n")[0].strip()
            is_of_function = raw.startswith("/**") and _FUNCTION.match(code) is not None
            line = source.count("\n", 0, found.start()) + 1
            yield Comment(line, text, is_of_function)

"""Warnings about lines of a batch script that look like directives, but are comments to Flux."""

from __future__ import annotations

import re
from collections import Counter

from .message import Message, Value

__all__ = ["hints"]

_MAX_SHOWN_LINES = 3
"""Line numbers that one warning gives; the others are counted."""

_MANAGERS = {
    "#SBATCH": "Slurm",
    "#PBS": "PBS",
    "#BSUB": "LSF",
    "#MSUB": "Moab",
    "#COBALT": "Cobalt",
}
"""Directives of other workload managers."""

_FOREIGN = re.compile(rf"^({'|'.join(_MANAGERS)})\b", re.MULTILINE)
_COMMAND = re.compile(r"^[^\S\n]{0,80}[^#\s]", re.MULTILINE)
"""The first line of the script itself: directives of other managers come before it."""

_ALMOST = re.compile(
    r"^[^\S\n]{0,80}#{1,8}[^\S\n]{0,8}(?!flux:|FLUX:)(?i:flux)[^\S\n]{0,8}:?[^\S\n]{0,8}-",
    re.MULTILINE,
)
"""A comment that is a directive, but for its colon or its case.

All these patterns take linear time: each begins at the start of a line, and repeats are bounded.
"""


def hints(text: str) -> list[Message]:
    """Return a sentence for each kind of line that looks like a directive; at most six.

    Args:
        text: The script, mended by :func:`fluxapi.model.directives.mend`.
    """
    found: dict[str, list[int]] = {}
    counts: Counter[str] = Counter()
    command = _COMMAND.search(text)
    end = command.start() if command else len(text)
    for pattern, last in (_ALMOST, len(text)), (_FOREIGN, end):
        line, place = 1, 0
        for match in pattern.finditer(text, 0, last):
            kind = match[1] if pattern.groups else ""
            counts[kind] += 1
            if counts[kind] <= _MAX_SHOWN_LINES:
                line += text.count("\n", place, match.start())
                place = match.start()
                found.setdefault(kind, []).append(line)
    return [_hint(kind, lines, counts[kind]) for kind, lines in found.items()]


def _hint(kind: str, lines: list[int], count: int) -> Message:
    params = {"place": _place(lines, count)}
    if not kind:
        return Message("warnings", "almost_directive", params)
    given = {"directive": kind, "manager": _MANAGERS[kind]}
    return Message("warnings", "foreign_directive", {**params, **given})


def _place(lines: list[int], count: int) -> Message:
    words = [str(line) for line in lines]
    if count == 1:
        return Message("warnings", "one_line", {"line": words[0]})
    if count > len(lines):
        more: dict[str, Value] = {"lines": words, "count": count - len(lines)}
        return Message("warnings", "lines_and_more", more)
    return Message("warnings", "two_or_more_lines", {"lines": words[:-1], "last": words[-1]})

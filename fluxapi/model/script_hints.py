"""Warnings about lines of a batch script that look like directives, but are comments to Flux."""

from __future__ import annotations

import re
from collections import Counter

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


def hints(text: str) -> list[str]:
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
    return [f"{_place(lines, counts[kind])}: {_sentence(kind)}" for kind, lines in found.items()]


def _place(lines: list[int], count: int) -> str:
    words = [str(line) for line in lines]
    if count > len(lines):
        words.append(f"{count - len(lines)} more")
    if count == 1:
        return f"Line {words[0]}"
    return f"Lines {', '.join(words[:-1])} and {words[-1]}"


def _sentence(kind: str) -> str:
    if not kind:
        return (
            "Flux ignores this as a comment; a directive begins with #flux: (in lower case, with "
            "the colon)."
        )
    return (
        f"Flux ignores {kind}, a directive of {_MANAGERS[kind]}; write #flux: and options of "
        "flux batch."
    )

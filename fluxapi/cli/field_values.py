"""Values of fields as ``flux jobs`` prints them: IDs, annotations, dependencies, exit reasons."""

from __future__ import annotations

import json
import signal
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .exit_codes import BY_SIGNAL
from .ids import encode_id
from .text import safe, safe_tree

__all__ = [
    "EMPTY",
    "NO_RESULT",
    "RESULT_EMOJI",
    "RESULT_LETTERS",
    "STATE_EMOJI",
    "STATE_LETTERS",
    "Empty",
    "JobId",
    "Tree",
    "annotation",
    "dependency",
    "exit_reason",
]

STATE_LETTERS = {
    "NEW": "N",
    "DEPEND": "D",
    "PRIORITY": "P",
    "SCHED": "S",
    "RUN": "R",
    "CLEANUP": "C",
    "INACTIVE": "I",
}
STATE_EMOJI = {
    "NEW": "🎁",
    "DEPEND": "🛑",
    "PRIORITY": "🚦",
    "SCHED": "📅",
    "RUN": "🏃",
    "CLEANUP": "🗑",
    "INACTIVE": "💀",
}
RESULT_LETTERS = {"COMPLETED": "CD", "FAILED": "F", "CANCELED": "CA", "TIMEOUT": "TO"}
RESULT_EMOJI = {"COMPLETED": "😀", "FAILED": "💩", "CANCELED": "💥", "TIMEOUT": "⌛"}
NO_RESULT = "\u3000"
"""As wide as an emoji."""

_RESERVED_EXITS = {
    126: "Command invoked cannot execute",
    127: "command not found",
    128: "Invalid argument to exit",
}


class JobId(int):
    """A job ID: an integer that prints as F58."""

    def __str__(self) -> str:
        return encode_id(self)


class Empty:
    """The value of a missing annotation: empty under any format."""

    def __str__(self) -> str:
        return ""

    def __format__(self, spec: str) -> str:
        return format("", spec.rstrip("bcdoxXeEfFgGn%"))


EMPTY = Empty()


class Tree:
    """Annotations, or a part of them, printed as JSON."""

    def __init__(self, value: Mapping[str, Any]) -> None:
        self.value = value

    def __str__(self) -> str:
        return json.dumps(self.value) if self.value else ""

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)


def annotation(tree: Any, path: list[str]) -> Any:
    """Return the annotation at a path, or :data:`EMPTY`."""
    for part in path:
        if not isinstance(tree, Mapping) or part not in tree:
            return EMPTY
        tree = tree[part]
    if isinstance(tree, Mapping):
        return Tree(safe_tree(tree))
    return safe_tree(tree)


def dependency(text: str, now: float) -> str:
    """Return a dependency as text; a begin time is in the local time zone."""
    kind, equals, value = text.partition("=")
    if kind != "begin-time" or not equals:
        return safe(text)
    try:
        begin = datetime.fromtimestamp(float(value)).astimezone()
    except (ValueError, OverflowError, OSError):
        return safe(text)
    today = begin.date() == datetime.fromtimestamp(now).astimezone().date()
    shown = f"{begin:%H:%M}" if today else f"{begin:%b%d-%H:%M}"
    return f"begin@{shown}" + (f":{begin:%S}" if begin.second else "")


def exit_reason(code: int | None, *, failed: bool) -> str:
    """Return the reason why a job ended, from its exit code."""
    if not failed or code is None:
        return f"Exit {'' if code is None else code}"
    if code > BY_SIGNAL:
        try:
            return signal.strsignal(code - BY_SIGNAL) or f"Signaled {code - BY_SIGNAL}"
        except ValueError:
            return f"Signaled {code - BY_SIGNAL}"
    return _RESERVED_EXITS.get(code, f"Exit {code}")

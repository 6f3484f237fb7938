"""The name of the command among the words of a command line."""

from __future__ import annotations

TYPE_CHECKING = False  # see fluxapi.process.stop_signals
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["named_command"]

_TAKE_VALUE = (
    "--url", "--ca-file", "--user", "--instance", "--profile", "--timeout", "--retries",
)  # fmt: skip


def named_command(arguments: Sequence[str]) -> str:
    """Return the command name, without parsing the other arguments."""
    words = iter(arguments)
    for word in words:
        if word in _TAKE_VALUE:
            next(words, None)
        elif not word.startswith("-"):
            return word
    return ""

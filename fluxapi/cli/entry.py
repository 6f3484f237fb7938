"""The first step of the ``fluxapi`` command, before anything that takes time is imported."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from fluxapi import stop_signals

__all__ = ["main", "named_command"]

_TAKE_VALUE = ("--url", "--user", "--profile", "--timeout", "--retries")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status, see :mod:`fluxapi.cli.exits`."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    if named_command(given) == "serve":
        stop_signals.install()
    from .program import run  # noqa: PLC0415 - signals are heard before this is imported

    return run(given)


def named_command(arguments: Sequence[str]) -> str:
    """Return the command that is asked for, without understanding the rest yet."""
    words = iter(arguments)
    for word in words:
        if word in _TAKE_VALUE:
            next(words, None)
        elif not word.startswith("-"):
            return word
    return ""

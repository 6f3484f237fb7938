"""Confirmation before an action that cannot be undone."""

from __future__ import annotations

import sys

from .blocking import interruptible
from .exit_codes import FAILED, USAGE, Failure

__all__ = ["confirm"]


def confirm(question: str) -> None:
    """Ask a question; raise :class:`~fluxapi.cli.exit_codes.Failure` unless the answer is yes.

    Without a terminal, the user must pass ``--yes``.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Failure(f"{question} stdin is not a terminal; use --yes.", USAGE)
    try:
        # Ctrl-C ends the read as soon as the question is there.
        with interruptible():
            sys.stderr.write(f"{question} [y/N] ")
            sys.stderr.flush()
            answer = sys.stdin.readline()
    except KeyboardInterrupt:
        sys.stderr.write("\n")
        raise
    if answer.strip().lower() not in {"y", "yes"}:
        raise Failure("Canceled; nothing was changed.", FAILED)

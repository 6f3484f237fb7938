"""Asking the person at the terminal before something that cannot be undone."""

from __future__ import annotations

import sys

from .exit_codes import FAILED, USAGE, Failure

__all__ = ["agreed"]


def agreed(question: str) -> None:
    """Return if the answer is yes; raises :class:`~fluxapi.cli.exit_codes.Failure` if it is not.

    Where nobody can be asked, ``--yes`` has to be on the command line.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Failure(f"{question} stdin is not a terminal; use --yes.", USAGE)
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise Failure("Nothing is done.", FAILED)

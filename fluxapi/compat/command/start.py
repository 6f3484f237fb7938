"""``flux start COMMAND``: run a command that uses the instance behind the service."""

from __future__ import annotations

import argparse
import os
import sys

from fluxapi.cli.exit_codes import FAILED, Failure
from fluxapi.cli.terminal import note
from fluxapi.cli.text import safe

from .adapter import Parser

__all__ = ["start"]

_NOT_FOUND = 127


def start(arguments: list[str]) -> int:
    """Replace this program by a command, without a new instance.

    A tool that starts an instance of its own to submit jobs to finds one that is there already.
    """
    parser = Parser(prog="flux start", usage="flux start COMMAND...", allow_abbrev=False)
    parser.add_argument("words", metavar="COMMAND", nargs=argparse.REMAINDER)
    words = parser.parse_args(arguments).words
    words = words[1:] if words[:1] == ["--"] else words
    if not words:
        raise Failure(
            "this flux starts no instance. Give a command, which uses the one behind the service",
            FAILED,
        )
    if len(words) == 1:
        words = [os.environ.get("SHELL") or "/bin/sh", "-c", *words]
    sys.stdout.flush()
    try:
        os.execvp(words[0], words)  # noqa: S606 - the command that the user gives
    except OSError as error:
        note(f"{safe(words[0])}: {error.strerror}")
        return _NOT_FOUND

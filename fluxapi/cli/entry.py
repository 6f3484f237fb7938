"""The first step of the ``fluxapi`` command, before anything that takes time is imported."""

from __future__ import annotations

import gc
import sys

from fluxapi.process import stop_signals

from .command_name import named_command

TYPE_CHECKING = False  # see fluxapi.process.stop_signals
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_GARBAGE_THRESHOLD = 50_000
"""Objects between two garbage collections; imports make many, and hardly any garbage."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status, see :mod:`fluxapi.cli.exit_codes`."""
    if arguments is None:
        gc.set_threshold(_GARBAGE_THRESHOLD)
    given = sys.argv[1:] if arguments is None else list(arguments)
    if named_command(given) == "serve":
        stop_signals.install()
    from .program import run  # noqa: PLC0415 - signal handlers come first

    return run(given)

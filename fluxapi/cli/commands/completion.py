"""``fluxapi completion``: shell completion of commands, options and job IDs."""

from __future__ import annotations

import argparse

from fluxapi.cli.arguments import Parsers, add_command
from fluxapi.cli.exit_codes import OK
from fluxapi.cli.terminal import put

__all__ = ["add"]

_SHELLS = ("bash", "zsh", "fish")


def add(parsers: Parsers) -> None:
    """Declare the command and its arguments."""
    parser = add_command(
        parsers,
        "completion",
        'Print the completion script. To use it, put eval "$(fluxapi completion bash)" (or zsh), '
        "or fluxapi completion fish | source, into the startup file of the shell.",
    )
    parser.add_argument("shell", choices=_SHELLS)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from argcomplete.shell_integration import shellcode  # noqa: PLC0415 - no other command waits for it

    script = shellcode(["fluxapi"], shell=arguments.shell)
    if arguments.shell == "zsh":
        # Completion in zsh is off by default.
        script = f"autoload -Uz compinit && (( $+functions[compdef] )) || compinit\n{script}"
    put(script.strip("\n"))
    return OK

"""``fluxapi completion``: what makes the shell complete commands, options and job ids."""

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
        'Print the script. Put it to use with: eval "$(fluxapi completion bash)", the same for '
        "zsh, or fluxapi completion fish | source, in the file that the shell reads at its start.",
    )
    parser.add_argument("shell", choices=_SHELLS)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from argcomplete.shell_integration import shellcode  # noqa: PLC0415 - no other command waits for it

    script = shellcode(["fluxapi"], shell=arguments.shell)
    if arguments.shell == "zsh":
        # Completion of zsh is off until it is asked for.
        script = f"autoload -Uz compinit && (( $+functions[compdef] )) || compinit\n{script}"
    put(script.strip("\n"))
    return OK

"""``fluxapi completion``: shell completion of commands, options and job IDs."""

from __future__ import annotations

import argparse

from fluxapi.cli.arguments import Command, Parsers, add_command
from fluxapi.cli.exit_codes import OK
from fluxapi.cli.terminal import put

__all__ = ["COMMAND", "add"]

COMMAND = Command(
    "completion", "print a shell completion script", group="set up clients", position=2
)

_SHELLS = ("bash", "zsh", "fish")


def add(parsers: Parsers) -> None:
    """Declare the command and its arguments."""
    parser = add_command(
        parsers,
        COMMAND,
        'Print the completion script of a shell. Add eval "$(fluxapi completion bash)" to the '
        "startup file of bash, the same with zsh to that of zsh, and fluxapi completion fish | "
        "source to that of fish.",
    )
    parser.add_argument("shell", choices=_SHELLS, help="name of the shell")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from argcomplete.shell_integration import shellcode  # noqa: PLC0415 - only this command needs it

    script = shellcode(["fluxapi"], shell=arguments.shell)
    if arguments.shell == "zsh":
        # Completion in zsh is off by default.
        script = f"autoload -Uz compinit && (( $+functions[compdef] )) || compinit\n{script}"
    put(script.strip("\n"))
    return OK

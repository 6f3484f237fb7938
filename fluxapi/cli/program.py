"""The ``fluxapi`` command: its parser, and running one command."""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from fluxapi import __version__

from .command_index import COMMANDS
from .command_name import named_command
from .encodable import encodable
from .exit_codes import FAILED, INTERRUPTED, PIPE, USAGE, Failure
from .session import add_connection
from .terminal import discard_output, note, prepare
from .text import safe

__all__ = ["build_parser", "run"]

_DESCRIPTION = "Run the web service of a Flux instance, or send requests to one."
_EPILOG = """\
Exit status: 0 success, 1 failure, 2 usage error, 3 service unreachable,
4 access denied. fluxapi COMMAND --help shows the options of a command."""
_OF_FLUX = {
    "run": "submit --watch",
    "attach": "output --follow",
    "kill": "signal",
    "raise": "job raise",
    "ps": "jobs",
    "resources": "resource",
    "status": "jobs",
    "logs": "output",
    "version": "--version",
    "help": "--help",
}
"""The command here for a command of Flux, or of another program, that has another name there."""
_NAME_COLUMNS = 14
"""Columns of a command in the help, so that summaries and help of options are in line."""

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class _CommandParser(argparse.ArgumentParser):
    """The parser of a command, or the place of a command that is not read: its name alone."""

    def __init__(self, *, is_read: bool = True, **options: Any) -> None:
        if is_read:
            super().__init__(**options)


def build_parser(only: str | None = None) -> argparse.ArgumentParser:
    """Build the parser, with the arguments of all commands or of *only* one."""
    parser = argparse.ArgumentParser(
        prog="fluxapi",
        usage="fluxapi [OPTION…] COMMAND …",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"fluxapi {__version__}")
    parsers = parser.add_subparsers(
        prog="fluxapi", dest="command", metavar="COMMAND", required=True, help=argparse.SUPPRESS,
        parser_class=_CommandParser,
    )  # fmt: skip
    for group, summaries in COMMANDS.items():
        lines = [f"{name:<{_NAME_COLUMNS}}{summary}" for name, summary in summaries.items()]
        parser.add_argument_group(group, "\n".join(lines))
        for name, summary in summaries.items():
            if only is None or name == only:
                import_module(f"fluxapi.cli.commands.{name}").add(parsers)
            else:
                parsers.add_parser(name, help=summary, is_read=False)
    add_connection(parser, top=True)
    return parser


def _parsed(given: Sequence[str]) -> argparse.Namespace | None:
    """Parse a command line; write what is wrong and return ``None`` if a word is unknown."""
    name = named_command(given)
    names = [name for commands in COMMANDS.values() for name in commands]
    if name and name not in names:
        note(f"there is no command {safe(name)!r}{_advice(name, names)}; see fluxapi --help")
        return None
    parsed, unknown = build_parser(name).parse_known_args(given)
    if unknown:
        kind = "option" if unknown[0].startswith("-") else "argument"
        note(f"unrecognized {kind} {unknown[0]}; see fluxapi {parsed.command} --help")
        return None
    return parsed


def _advice(name: str, names: list[str]) -> str:
    """Return the command that *name* probably means, in parentheses, or nothing."""
    from difflib import get_close_matches  # noqa: PLC0415 - after a mistake only

    found = [_OF_FLUX[name]] if name in _OF_FLUX else get_close_matches(name, names, 1)
    return f" (did you mean {found[0]}?)" if found else ""


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status, see :mod:`fluxapi.cli.exit_codes`."""
    if "_ARGCOMPLETE" in os.environ:
        from .completer import complete  # noqa: PLC0415 - only while the shell completes

        complete(build_parser())
    given = sys.argv[1:] if arguments is None else list(arguments)
    if not given:
        build_parser("").print_help(sys.stderr)
        return USAGE
    parsed = _parsed(given)
    if parsed is None:
        return USAGE
    prepare()
    try:
        with encodable():
            status: int = parsed.run(parsed)
        sys.stdout.flush()
    except Failure as failure:
        note(failure.sentence)
        return failure.status
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        return _unwritten(error)
    return status


def _unwritten(error: OSError) -> int:
    """Return the exit status of a command whose output cannot be written; raise other errors."""
    if isinstance(error, BrokenPipeError):
        discard_output()
        return PIPE
    if error.errno not in _NO_ROOM:
        raise error
    discard_output()
    note(f"the output cannot be written: {error.strerror}")
    return FAILED

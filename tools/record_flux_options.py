"""Record the options of Flux's commands in ``tools/flux_options.json``: names and values only.

    flux python tools/record_flux_options.py          write the file
    flux python tools/record_flux_options.py --print   write it to standard output

It needs the Flux whose options are to be recorded, and runs in its Python. The parsers of commands
that are written in Python are taken as they are made; the help of the others is read.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

TARGET = Path(__file__).with_name("flux_options.json")

PYTHON_COMMANDS = (
    "submit", "run", "batch", "alloc", "bulksubmit", "jobs", "cancel", "watch", "pgrep", "pkill",
    "pstree", "queue", "resource",
)  # fmt: skip
SUBCOMMANDS = {"queue": ("list", "status"), "resource": ("list", "status", "info")}
"""The commands below a command that are recorded, since they change nothing."""

C_COMMANDS = (
    "job attach", "job eventlog", "job id", "job info", "job kill", "job last", "job memo",
    "job raise", "job stats", "job status", "job timeleft", "job urgency", "job wait",
    "job wait-event", "shutdown", "top",
)  # fmt: skip

_FLUX = shutil.which("flux") or "flux"
_LINE = re.compile(
    r"^ {2,6}(?:-(?P<short>\w), )?--(?P<long>[\w-]+)(?P<value>\[?=\S+)?", re.MULTILINE
)
_ONLY_SHORT = re.compile(r"^ {2,6}-(?P<short>\w)(?: (?P<value>[A-Z]+))?  ", re.MULTILINE)


_made: list[argparse.ArgumentParser] = []
"""The parsers of the commands that have run."""


def _stop(parser: argparse.ArgumentParser, *_: object, **__: object) -> NoReturn:
    _made.append(parser)
    raise SystemExit


class Sink(io.StringIO):
    """A stream that commands may open again and close, as they do with the standard ones."""

    def fileno(self) -> int:
        """Return a new descriptor that discards."""
        return os.open(os.devnull, os.O_WRONLY)


def parser_of(path: str) -> Any:
    """Run a command up to where it reads its arguments, and return its parser."""
    sys.argv = [path]
    with (
        contextlib.redirect_stdout(Sink()),
        contextlib.redirect_stderr(Sink()),
        contextlib.suppress(SystemExit),
    ):
        runpy.run_path(path, run_name="__main__")
    return _made.pop()


def actions_of(parser: Any) -> list[argparse.Action]:
    """Return the arguments of a parser, which argparse does not publish."""
    actions: list[argparse.Action] = parser._actions  # noqa: SLF001
    return actions


def options_of(parser: Any) -> list[str]:
    """Return the options that the help of a parser shows, as ``-n, --name=VALUE``."""
    found = []
    for action in actions_of(parser):
        hidden = {"-h", "--help", *getattr(action, "hidden_option_strings", ())}
        names = [name for name in action.option_strings if name not in hidden]
        if names and action.help != argparse.SUPPRESS:
            metavar = action.metavar or (action.dest or "").upper()
            if isinstance(metavar, tuple):
                metavar = " ".join(metavar)
            value = f"={metavar}" if action.nargs != 0 else ""
            found.append(", ".join(names) + (f"[{value}]" if action.nargs == "?" else value))
    return found


def read_help(command: str) -> list[str]:
    """Return the options that the help of a command names, in the same form."""
    done = subprocess.run(  # noqa: S603 - the names above
        [_FLUX, *command.split(), "--help"], capture_output=True, text=True, check=False
    )
    text = done.stdout + done.stderr
    found = []
    for match in _LINE.finditer(text):
        if match["long"] != "help":
            short = f"-{match['short']}, " if match["short"] else ""
            value = match["value"] or ""
            found.append(f"{short}--{match['long']}{value}")
    return found + [
        f"-{match['short']}" + (f"={match['value']}" if match["value"] else "")
        for match in _ONLY_SHORT.finditer(text)
    ]


def recorded() -> Iterator[tuple[str, list[str]]]:
    """Yield each command with its options."""
    from flux.cli.argparse import FluxArgumentParser  # noqa: PLC0415 - of the Flux that runs this

    for kind in (argparse.ArgumentParser, FluxArgumentParser):
        kind.parse_args = kind.parse_known_args = _stop  # type: ignore[assignment, method-assign]
    folder = os.environ["FLUX_EXEC_PATH"].split(":")[0]
    for name in PYTHON_COMMANDS:
        parser = parser_of(f"{folder}/flux-{name}.py")
        if name not in SUBCOMMANDS:
            yield name, options_of(parser)
            continue
        below = next(action for action in actions_of(parser) if isinstance(action.choices, dict))
        for part in SUBCOMMANDS[name]:
            yield f"{name} {part}", options_of(dict(below.choices or {})[part])
    for command in C_COMMANDS:
        yield command, read_help(command)


def main() -> None:
    """Write the file, or print it."""
    is_printed = "--print" in sys.argv[1:]
    version = subprocess.run(  # noqa: S603 - as above
        [_FLUX, "--version"], capture_output=True, text=True, check=True
    )
    release = re.findall(r"\d+\.\d+\.\d+", version.stdout)[0]
    text = f"{json.dumps({'release': release, 'options': dict(recorded())}, indent=1)}\n"
    if is_printed:
        sys.stdout.write(text)
    else:
        TARGET.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

"""Commands that submit: the environment and the folder of the shell go along, as in Flux."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fluxapi.cli import submit_body
from fluxapi.cli.exit_codes import FAILED, OK, Failure
from fluxapi.cli.submit_many import copies
from fluxapi.cli.terminal import input_is_waiting, put
from fluxapi.errors import ValidationFailed
from fluxapi.model.jobspec import Defaults, build
from fluxapi.security.secrets import NAMES as SECRETS

from .adapter import parser_of
from .adapter import run as run_command

__all__ = ["batch", "bulksubmit", "run", "submit"]


def submit(arguments: list[str]) -> int:
    """Submit a job, and print its ID."""
    return _submit("submit", arguments)


def run(arguments: list[str]) -> int:
    """Submit a job, show its output, and return its exit status."""
    more = ["--watch", "--quiet"]
    if input_is_waiting():
        more.append("--stdin=-")
    return _submit("run", arguments, more)


def batch(arguments: list[str]) -> int:
    """Submit a batch script, and print the ID of its job."""
    parser = parser_of("batch", "batch")
    return run_command(_with_verbose(parser), [*_surroundings(), *arguments])


def bulksubmit(arguments: list[str]) -> int:
    """Submit a command for each input, and print the IDs."""
    parser = parser_of("bulksubmit", "bulksubmit")
    # These are no templates, and no line shows them, as options of the user.
    parser.set_defaults(shell_env=_variables(), shell_cwd=str(Path.cwd()))
    parser.set_defaults(names_jobs=True, shows_lines=True)
    try:
        return run_command(parser, arguments)
    except Failure as failure:
        raise Failure(failure.sentence, FAILED) from None


def _submit(name: str, arguments: list[str], more: list[str] | None = None) -> int:
    parser = parser_of("submit", name)
    parser.set_defaults(names_jobs=name == "submit")
    whole = [*_surroundings(), *(more or ()), *arguments]
    parsed = parser.parse_args(whole)
    words = submit_body.split_command(parsed.words)
    if not words:
        raise Failure("job command and arguments are missing", FAILED)
    if parsed.dry_run:
        # Flux ends after the first one of --cc, too.
        put(_jobspec(copies(submit_body.body(parsed, words), parsed)[0].fields))
        return OK
    return run_command(parser, whole)


def _jobspec(fields: Mapping[str, Any]) -> str:
    """Return the jobspec of a job as ``--dry-run`` of Flux prints it."""
    try:
        raw = build(fields, Defaults()).jobspec
    except ValidationFailed as error:
        raise Failure(str(error), FAILED) from None
    return json.dumps(json.loads(raw), ensure_ascii=False)


def _with_verbose(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Accept ``-v``, which writes nothing here."""
    parser.add_argument("-v", "--verbose", action="count", help=argparse.SUPPRESS)
    return parser


def _surroundings() -> list[str]:
    """Return the options for what Flux takes along: all variables but secrets, and the folder."""
    return [*(f"--env={rule}" for rule in _variables()), f"--cwd={Path.cwd()}"]


def _variables() -> list[str]:
    """Return the rules that select all variables but secrets."""
    return ["*", *(f"-{name}" for name in SECRETS)]

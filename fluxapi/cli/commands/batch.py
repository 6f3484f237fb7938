"""``fluxapi batch``: submit a batch script, with the options of ``flux batch``."""

from __future__ import annotations

import argparse
import contextlib
import json
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from fluxapi.cli import submit_body
from fluxapi.cli.arguments import Command, Parsers, add_command
from fluxapi.cli.exit_codes import OK, USAGE, Failure
from fluxapi.cli.ids import shown_id
from fluxapi.cli.notification import add_notify, notification
from fluxapi.cli.request_check import check_request
from fluxapi.cli.session import add_connection, connected
from fluxapi.cli.submit_options import add_batch_options, add_idempotency_key
from fluxapi.cli.terminal import note, put
from fluxapi.cli.text import safe
from fluxapi.model import batch

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient

__all__ = ["COMMAND", "add"]

COMMAND = Command("batch", "submit a batch script", group="submit jobs", position=2)


def add(parsers: Parsers) -> None:
    """Declare the command and its arguments."""
    parser = add_command(
        parsers,
        COMMAND,
        "Submit a batch script and print the ID of its job. The script runs in its own Flux "
        "instance. Its #flux: directives set options, which those of the command line override. "
        "Without "
        "SCRIPT, the script is read from standard input. Without --output, its output goes to "
        "the file flux-{{id}}.out on the node that runs it.",
        usage="fluxapi batch [OPTION…] [SCRIPT] [ARGUMENT…]",
    )
    add_batch_options(parser)
    parser.add_argument(
        "--wrap",
        action="store_true",
        help="submit a /bin/sh script that consists of the words SCRIPT [ARGUMENT…], or of the "
        "lines on standard input",
    )
    parser.add_argument("--wait", action="store_true", help="wait until the job has ended")
    add_notify(parser, "with --wait, when the job has ended")
    add_idempotency_key(parser, "script")
    parser.add_argument("--quiet", action="store_true", help="do not print the job ID")
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="check the request and print it as JSON, without submitting it",
    )
    add_connection(parser)
    parser.add_argument(
        "words", metavar="SCRIPT", nargs=argparse.REMAINDER, help="script, and its arguments"
    )
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    words = submit_body.split_command(arguments.words)
    fields = submit_body.body(arguments, None)
    script, args = _script(words, wrap=arguments.wrap), words[1:]
    if words:
        fields["script_name"] = words[0]
    if arguments.dry_run:
        whole = {"script": script, **({"script_args": args} if args else {}), **fields}
        with _advising(words):
            for warning in check_request(whole):
                note(warning)
        put(json.dumps(whole))
        return OK

    async def act(flux: AsyncClient, _given: argparse.Namespace) -> int:
        with notification(arguments, waits=arguments.wait, needs="--wait") as notice:
            jobid = await flux.batch(
                script,
                args,
                idempotency_key=arguments.idempotency_key,
                on_warning=lambda text: note(safe(text)),
                **fields,
            )
            if not arguments.quiet:
                put(shown_id(jobid))
            if not arguments.wait:
                return OK
            from fluxapi.cli import attach  # noqa: PLC0415 - imported when needed

            status = await attach.wait_all(flux, [jobid])
            await notice.tell_jobs(flux, [jobid])
        return status

    with _advising(words):
        return connected(arguments, act)


@contextlib.contextmanager
def _advising(words: list[str]) -> Iterator[None]:
    """Say how this command, not a request, makes a script of lines without ``#!``."""
    try:
        yield
    except Failure as failure:
        source = f" < {shlex.quote(words[0])}" if words else " with the lines on standard input"
        advice = f"fluxapi batch --wrap{source} puts #!/bin/sh in front."
        sentence = failure.sentence.replace(batch.WRAP_ADVICE, safe(advice))
        raise Failure(sentence, failure.status) from None


def _script(words: list[str], *, wrap: bool) -> str:
    """Return the text of the script, with its line ends as they are."""
    if wrap and words:
        return " ".join(words) + "\n"
    place = words[0] if words else "standard input"
    try:
        raw = Path(words[0]).read_bytes() if words else sys.stdin.buffer.read()
        return raw.decode("utf-8")
    except OSError as error:
        raise Failure(f"{safe(place)} cannot be read: {error.strerror}.", USAGE) from None
    except UnicodeDecodeError:
        raise Failure(f"{safe(place)} is not a script: it is not UTF-8 text.", USAGE) from None

"""``fluxapi alloc --bg``: start an instance, with the options of ``flux alloc``."""

from __future__ import annotations

import argparse
import contextlib
import json
from typing import TYPE_CHECKING, Any

from fluxapi.cli import submit_body
from fluxapi.cli.arguments import Command, Parsers, add_command
from fluxapi.cli.exit_codes import FAILED, INTERRUPTED, OK, USAGE, Failure
from fluxapi.cli.ids import shown_id
from fluxapi.cli.request_check import check_request
from fluxapi.cli.session import add_connection, client, connected
from fluxapi.cli.submit_options import add_batch_options, add_idempotency_key
from fluxapi.cli.terminal import note, put
from fluxapi.model import batch

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient

__all__ = ["COMMAND", "add"]

COMMAND = Command("alloc", "start an instance to submit jobs to", group="submit jobs", position=3)

_NO_TERMINAL = (
    "fluxapi attaches no terminal to an instance; use --bg, and then fluxapi --instance=ID submit."
)


def add(parsers: Parsers) -> None:
    """Declare the command and its arguments."""
    parser = add_command(
        parsers,
        COMMAND,
        "Start a Flux instance with its own resources, wait until it accepts jobs, and print the "
        "ID of its job. Without COMMAND, the instance runs until its job is canceled or reaches "
        "its time limit. Ctrl-C cancels the job while it starts.",
        usage="fluxapi alloc --bg [OPTION…] [COMMAND [ARGUMENT…]]",
    )
    parser.add_argument(
        "--bg", action="store_true", help="do not attach a terminal to the instance; required"
    )
    add_batch_options(parser, has_output=False)
    add_idempotency_key(parser, "options")
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="check the request and print it as JSON, without submitting it",
    )
    add_connection(parser)
    parser.add_argument(
        "words",
        metavar="COMMAND",
        nargs=argparse.REMAINDER,
        help="initial program of the instance, which ends with it, and its arguments",
    )
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    if not arguments.bg:
        raise Failure(_NO_TERMINAL, USAGE)
    if arguments.nodes and arguments.nslots and arguments.nodes > arguments.nslots:
        sentence = f"-N {arguments.nodes} must not be above -n {arguments.nslots}, the slots."
        raise Failure(sentence, USAGE)
    words = arguments.words  # with a leading "--", which flux alloc leaves to the broker
    command = words if submit_body.split_command(words) else []
    job = batch.nested(submit_body.body(arguments, None), command)
    if arguments.dry_run:
        check_request(job)
        put(json.dumps(job))
        return OK
    return connected(arguments, lambda flux, given: _start(flux, given, job))


async def _start(flux: AsyncClient, arguments: argparse.Namespace, job: dict[str, Any]) -> int:
    """Submit the job, and wait until its instance accepts jobs; Ctrl-C cancels it."""
    from fluxapi.cli.answers import info  # noqa: PLC0415 - imported when needed
    from fluxapi.cli.attach import Interrupts  # noqa: PLC0415 - imported when needed
    from fluxapi.client import Conflict  # noqa: PLC0415 - already imported

    if (await info(flux)).capabilities.get("scripts") == "task":
        raise Failure("The embedded instance cannot start other instances; alloc needs Flux.")
    with Interrupts() as interrupts:
        jobid = await flux.submit(idempotency_key=arguments.idempotency_key, **job)
        status = await interrupts.unless_pressed(_until_ready(flux, arguments, jobid))
        if status is None:
            note(f"canceling {shown_id(jobid)}")
            with contextlib.suppress(Conflict):  # the job has ended meanwhile
                await flux.cancel(jobid, note="interrupted by Ctrl-C")
            return INTERRUPTED
    if status == OK:
        put(shown_id(jobid))
    return status


async def _until_ready(flux: AsyncClient, arguments: argparse.Namespace, jobid: str) -> int:
    """Wait until the instance of a job accepts jobs; report a job that ends before."""
    from fluxapi.cli import attach  # noqa: PLC0415 - imported when needed

    async with flux.job_events(jobid) as events:
        async for event in events:
            if event.name == "memo" and "uri" in (event.context or {}):
                break
        else:
            note(f"{shown_id(jobid)} ended before its instance started")
            return await attach.wait_all(flux, [jobid]) or FAILED
    # The service answers once the brokers of the instance have started.
    async with client(arguments, below=[jobid]) as child:
        await child.queues()
    return OK

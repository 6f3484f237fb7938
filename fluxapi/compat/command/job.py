"""``flux job``: commands on one job, whose usage errors have exit status 1, as in Flux."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from fluxapi.cli import job_wait
from fluxapi.cli.arguments import add_ids, job_id
from fluxapi.cli.exit_codes import FAILED, OK, USAGE, Failure
from fluxapi.cli.ids import shown_id
from fluxapi.cli.json_text import shown_json
from fluxapi.cli.terminal import name_program, note, put

from .adapter import Parser, parser_of, parser_of_action, talk
from .adapter import run as run_command

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient

__all__ = ["run"]

_KEYS = ("eventlog", "jobspec", "R")


def run(arguments: list[str]) -> int:
    """Run ``flux job COMMAND``."""
    name_program("flux-job")
    usage = (
        "Usage: flux-job COMMAND ARGS. This flux connects to fluxapi, and has "
        f"{', '.join(_COMMANDS)}."
    )
    if arguments and arguments[0] in {"-h", "--help"}:
        put(usage)
        return OK
    if not arguments or arguments[0] not in _COMMANDS:
        note(usage)
        return FAILED
    try:
        return _COMMANDS[arguments[0]](arguments[1:])
    except Failure as failure:
        note(failure.sentence)
        return failure.status if failure.status == job_wait.NOT_WAITABLE else FAILED
    except SystemExit as end:
        raise SystemExit(FAILED if end.code == USAGE else end.code) from None


def _parser(name: str) -> argparse.ArgumentParser:
    return Parser(prog=f"flux job {name}", allow_abbrev=False)


def _cancel(arguments: list[str]) -> int:
    return run_command(parser_of("cancel", "job cancel"), ["--yes", *arguments])


def _wait(arguments: list[str]) -> int:
    parser = _parser("wait")
    job_wait.add_options(parser)
    return talk(parser, arguments, job_wait.wait)


def _action(name: str, arguments: list[str]) -> int:
    """Run the action of ``fluxapi job`` that has the options and the output of Flux's."""
    try:
        return run_command(parser_of_action(name), arguments)
    except Failure as failure:
        raise Failure(failure.sentence, FAILED) from None


def _info(arguments: list[str]) -> int:
    parser = _parser("info")
    add_ids(parser)
    parser.add_argument("keys", metavar="KEY", nargs="*", help=", ".join(_KEYS))
    return talk(parser, arguments, _show)


async def _show(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    from fluxapi.client import NotFound  # noqa: PLC0415 - already imported

    if not arguments.keys:
        raise Failure(f"Usage: flux job info id key; this flux has the keys {', '.join(_KEYS)}")
    for key in arguments.keys:
        if key not in _KEYS:
            raise Failure(f"{key}: key not found; this flux has {', '.join(_KEYS)}")
        try:
            if key == "eventlog":
                put(await _eventlog(flux, arguments.id))
            else:
                found = await (flux.R if key == "R" else flux.jobspec)(arguments.id)
                put(shown_json(found))
        except NotFound:
            raise Failure(await _why(flux, arguments.id, key)) from None
    return OK


async def _why(flux: AsyncClient, jobid: str, key: str) -> str:
    """Return why a record is not there, in the words of Flux."""
    found = await flux.get_many([jobid])
    return f"{key}: key not found" if found.jobs else "invalid job id"


async def _eventlog(flux: AsyncClient, jobid: str) -> str:
    """Return an eventlog as Flux keeps it."""
    lines = []
    for event in await flux.eventlog(jobid):
        entry = {"timestamp": event.timestamp, "name": event.name}
        if event.context:
            entry["context"] = event.context
        lines.append(f"{shown_json(entry, compact=True)}\n")
    return "".join(lines)


def _attach(arguments: list[str]) -> int:
    parser = _parser("attach")
    add_ids(parser)
    parser.add_argument("-l", "--label-io", action="store_true", help="label lines by task")
    return talk(parser, arguments, _follow)


async def _follow(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    from fluxapi.cli import attach  # noqa: PLC0415 - imported when needed
    from fluxapi.client import NotFound  # noqa: PLC0415 - already imported

    try:
        return await attach.attach(flux, arguments.id, label=arguments.label_io)
    except NotFound:
        raise Failure(f"Failed to attach to {shown_id(arguments.id)}: No such job") from None


def _id(arguments: list[str]) -> int:
    from fluxapi.client.executor import JobID  # noqa: PLC0415 - imports the client

    parser = _parser("id")
    forms = ("dec", "hex", "f58", "f58plain", "dothex", "kvs", "words", "emoji")
    parser.add_argument("-t", "--to", choices=forms, default="dec")
    parser.add_argument("ids", metavar="JOBID", nargs="+", type=job_id)
    parsed = parser.parse_args(arguments)
    for jobid in parsed.ids:
        put(str(getattr(JobID(jobid), parsed.to)))
    return OK


_COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "cancel": _cancel,
    "wait": _wait,
    "info": _info,
    "attach": _attach,
    "id": _id,
    **{
        name: partial(_action, name)
        for name in (
            "eventlog",
            "kill",
            "last",
            "memo",
            "raise",
            "stats",
            "timeleft",
            "urgency",
            "wait-event",
        )
    },
}

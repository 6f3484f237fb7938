"""``fluxapi output``: the output of a job."""

from __future__ import annotations

import argparse
import asyncio
from typing import TYPE_CHECKING

from fluxapi.cli.arguments import (
    Command,
    Parsers,
    add_command,
    add_group,
    add_ids,
    checked,
    line_range,
    natural,
)
from fluxapi.cli.each import each
from fluxapi.cli.exit_codes import OK, USAGE, Failure
from fluxapi.cli.notification import add_notify, notification
from fluxapi.cli.session import add_connection, runs
from fluxapi.cli.terminal import note, progress_wanted, put_raw
from fluxapi.cli.whole_file import write_whole

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient

__all__ = ["COMMAND", "add"]

COMMAND = Command("output", "show the output of a job", group="inspect jobs", position=4)

_STREAMS = ("stdout", "stderr")

_NOTICE_DELAY_S = 1.0
"""Delay after which a terminal shows that the output is being read."""


def add(parsers: Parsers) -> None:
    """Declare the command and its arguments."""
    parser = add_command(
        parsers,
        COMMAND,
        "Print the output of jobs so far: their standard output to standard output, their standard "
        "error to standard error, byte for byte. Several jobs are printed one after the other, or "
        "with --follow as they write.",
    )
    add_ids(parser, "*")
    add_group(parser, "print the output of the jobs of the group with this name or ID, job by job")
    parser.add_argument(
        "--follow",
        action="store_true",
        help="follow the output until the jobs end, and exit with their highest status; Ctrl-C "
        "detaches",
    )
    parser.add_argument(
        "--tail",
        metavar="N",
        type=natural,
        help="only the last N lines; with --follow, the last N entries",
    )
    parser.add_argument("--stream", choices=_STREAMS, help="print only this stream")
    parser.add_argument(
        "--task", metavar="N", type=natural, help="print only the output of this task"
    )
    found = parser.add_mutually_exclusive_group()
    found.add_argument(
        "--search",
        metavar="TEXT",
        help="print the lines that contain this text, with their numbers, ignoring case; exit with"
        " 1 if there is none",
    )
    found.add_argument(
        "--errors",
        action="store_true",
        help="print the lines that report an error, with their numbers; if there are none, the "
        "first line on standard error",
    )
    found.add_argument(
        "--lines",
        metavar="A-B",
        type=checked(line_range),
        help="print these lines with their numbers: 120, 120-150, or 120- for all from line 120 on",
    )
    parser.add_argument("--case", action="store_true", help="with --search: match case")
    parser.add_argument(
        "-l",
        "--label-io",
        action="store_true",
        help="prefix lines with their task ranks; those of several jobs with job IDs, too",
    )
    parser.add_argument(
        "--save",
        metavar="PATH",
        help="download the file that receives the stream (default stdout) to PATH; - is standard "
        "output",
    )
    parser.add_argument(
        "--file",
        metavar="N",
        type=natural,
        default=0,
        help="with --save: the number of the file, from 0, if tasks or nodes have their own files",
    )
    add_notify(parser, "with --follow, when the jobs have ended")
    add_connection(parser)
    parser.set_defaults(run=runs(_run))


async def _save(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    """Write the file that receives a stream to a local file."""
    if len(arguments.ids) != 1 or arguments.follow or arguments.tail is not None:
        raise Failure("--save needs one job ID, and excludes --group, --follow and --tail.", USAGE)
    stream = arguments.stream or _STREAMS[0]
    pieces = flux.download(arguments.ids[0], stream=stream, file=arguments.file)
    if arguments.save == "-":
        async for piece in pieces:
            put_raw(piece)
        return OK
    await write_whole(arguments.save, pieces)
    return OK


async def _run(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    if arguments.search is not None or arguments.errors or arguments.lines is not None:
        from fluxapi.cli import output_lines  # noqa: PLC0415 - imported when needed

        return await output_lines.show(flux, arguments)
    return await (_act if arguments.save is None else _save)(flux, arguments)


async def _act(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    if (not arguments.ids) == (arguments.group is None):
        raise Failure("Give either job IDs or --group.", USAGE)
    if arguments.task is not None and (arguments.follow or arguments.tail is not None):
        raise Failure("--task excludes --follow and --tail.", USAGE)
    if arguments.follow:
        return await _follow(flux, arguments)
    if arguments.notify:
        raise Failure("--notify needs --follow.", USAGE)
    if arguments.group is not None:
        return await _group(flux, arguments)
    if len(arguments.ids) == 1:
        await _print(flux, arguments.ids[0], arguments)
        return OK
    return await each(arguments.ids, lambda jobid: _print(flux, jobid, arguments))


async def _follow(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    """Follow the output of the jobs until they end."""
    from fluxapi.cli import follow  # noqa: PLC0415 - imported when needed

    ids = arguments.ids
    if arguments.group is not None:
        ids = [job.id async for job in flux.jobs(group=arguments.group)][::-1]
        if not ids:
            raise Failure("The group has no jobs.")
    with notification(arguments) as notice:
        status = await follow.attach_all(
            flux,
            ids,
            label=arguments.label_io,
            named=len(ids) > 1,
            tail=arguments.tail,
            only=arguments.stream,
        )
        await notice.tell_jobs(flux, ids)
    return status


async def _print(flux: AsyncClient, jobid: str, arguments: argparse.Namespace) -> None:
    """Print the output of a job so far."""
    from fluxapi.cli import attach  # noqa: PLC0415 - imported when needed

    writer = attach.Writer(
        jobid, label=arguments.label_io, only=arguments.stream, named=len(arguments.ids) > 1
    )
    if arguments.tail is None:
        async for entry in flux.iter_output(jobid, task=arguments.task):
            writer.write(entry)
        if arguments.stream is not None or arguments.task is not None:
            # The message in the middle of the output is of no task, and on standard error.
            from fluxapi.cli.output_lines import tell_omitted  # noqa: PLC0415 - when needed

            await tell_omitted(flux, jobid)
        return
    if progress_wanted():
        notice = asyncio.get_running_loop().call_later(
            _NOTICE_DELAY_S, note, "reading the end of the output"
        )
    else:
        notice = None
    try:
        found = await flux.output(jobid, tail=arguments.tail, stream=arguments.stream)
    finally:
        if notice is not None:
            notice.cancel()
    for entry in found.entries:
        writer.write(entry)
    if found.searched:
        note(
            f"only the last {found.searched} bytes of the output were searched; "
            "without --tail, all of it is read"
        )


async def _group(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    """Print the output of the jobs of a group."""
    from fluxapi.cli import attach  # noqa: PLC0415 - imported when needed

    writer: attach.Writer | None = None
    last = ""
    found = flux.group_output(arguments.group, tail=arguments.tail, stream=arguments.stream)
    async for jobid, entry in found:
        if writer is None or jobid != last:
            last = jobid
            writer = attach.Writer(
                jobid, label=arguments.label_io, only=arguments.stream, named=True
            )
        writer.write(entry)
    return OK

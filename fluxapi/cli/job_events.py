"""``fluxapi job eventlog``, ``wait-event`` and ``info``: what Flux stores of a job."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, cast

from fluxapi.model.times import parse_duration
from fluxapi.process.timeout import within

from .arguments import add_ids, checked
from .eventlog_lines import EventLines, LogEvent, add_line_options
from .exit_codes import OK, USAGE, Failure
from .hangup import while_read
from .ids import shown_id
from .json_text import json_text
from .session import add_connection, runs
from .terminal import put
from .text import safe

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient
    from fluxapi.client.options import StoredKey

__all__ = ["add"]

_SHORT = {"exec": "guest.exec.eventlog", "output": "guest.output"}
_PATHS = ("eventlog", *_SHORT.values())
_KEYS = (*_PATHS, "jobspec", "R")
_FIRST_PAUSE_S, _LAST_PAUSE_S = 0.1, 1.0
"""Pauses between two reads of the eventlog of the job shell, which no stream has."""

_SHELL_LOG = "guest.exec.eventlog"
Events = AsyncGenerator[LogEvent, None]


def add(actions: Any) -> None:
    """Declare the actions."""
    log = actions.add_parser("eventlog", help="print the events of a job", allow_abbrev=False)
    add_ids(log)
    _add_path(log)
    log.add_argument("-F", "--follow", action="store_true", help="follow until the job ends")
    add_line_options(log)

    wait = actions.add_parser("wait-event", help="wait for an event", allow_abbrev=False)
    add_ids(wait)
    wait.add_argument("event", metavar="EVENT", help="name, such as start, finish or clean")
    _add_path(wait)
    add_line_options(wait)
    wait.add_argument(
        "-t", "--timeout", metavar="FSD", type=checked(parse_duration), help="give up after FSD"
    )
    wait.add_argument(
        "-m", "--match-context", metavar="KEY=VAL", help="only events with this in their context"
    )
    wait.add_argument(
        "-c", "--count", metavar="N", type=int, default=1, help="number of events; default 1"
    )
    wait.add_argument("-q", "--quiet", action="store_true", help="do not print the event")
    wait.add_argument("-v", "--verbose", action="store_true", help="print the events before, too")
    wait.add_argument(
        "-W", "--waitcreate", action="store_true", help="wait until the eventlog exists"
    )

    info = actions.add_parser("info", help="print a record of a job", allow_abbrev=False)
    add_ids(info)
    info.add_argument("key", metavar="KEY", help=", ".join(_KEYS))

    for parser, act, timeout in ((log, _log, True), (wait, _wait, False), (info, _info, True)):
        add_connection(parser, timeout=timeout)
        parser.set_defaults(run=runs(act))


def _add_path(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-p",
        "--path",
        metavar="PATH",
        type=checked(_path),
        default="eventlog",
        help="another eventlog: exec (of the job shell) or output",
    )


def _path(text: str) -> str:
    """Return the path of an eventlog; raise ``ValueError``."""
    path = _SHORT.get(text, text)
    if path not in _PATHS:
        raise ValueError(f"{text[:80]!r} is not an eventlog: use {', '.join(_SHORT)}")
    return path


async def _log(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    lines = EventLines(arguments)
    if arguments.follow:
        return await while_read(_follow(flux, arguments, lines))
    async with aclosing(_so_far(flux, arguments.id, arguments.path)) as events:
        async for event in events:
            put(lines.line(event))
    return OK


async def _follow(flux: AsyncClient, arguments: argparse.Namespace, lines: EventLines) -> int:
    async with aclosing(_all(flux, arguments.id, arguments.path, wait=True)) as events:
        async for event in events:
            put(lines.line(event))
            sys.stdout.flush()
    return OK


async def _wait(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    key, equals, _ = (arguments.match_context or "=").partition("=")
    if not equals or (arguments.match_context and not key):
        raise Failure("--match-context needs KEY=VAL.", USAGE)
    if arguments.count < 1:
        raise Failure("--count must be 1 or more.", USAGE)
    try:
        return await within(arguments.timeout, while_read(_until(flux, arguments)))
    except asyncio.TimeoutError:
        raise Failure(f"wait-event timeout on event {safe(arguments.event)!r}") from None


async def _until(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    """Read events until the last one that is waited for."""
    lines = EventLines(arguments)
    left = arguments.count
    found = _all(flux, arguments.id, arguments.path, wait=arguments.waitcreate)
    async with aclosing(found) as events:
        async for event in events:
            lines.note_time(event)
            left -= _matches(event, arguments)
            if (arguments.verbose and left) or (not left and not arguments.quiet):
                put(lines.line(event))
                sys.stdout.flush()
            if not left:
                return OK
    raise Failure(f"event {safe(arguments.event)!r} never received")


def _matches(event: LogEvent, arguments: argparse.Namespace) -> bool:
    if event.name != arguments.event:
        return False
    if not arguments.match_context:
        return True
    key, _, wanted = arguments.match_context.partition("=")
    context = event.context or {}
    if key not in context:
        return False
    value = context[key]
    return wanted == json_text(value, compact=True) or (isinstance(value, str) and wanted == value)


async def _so_far(flux: AsyncClient, jobid: str, path: str) -> Events:
    """Yield the events that an eventlog has now."""
    if path != "guest.output":
        for event in decode(await flux.stored(jobid, cast("StoredKey", path))):
            yield event
        return
    async for entry in flux.iter_output(jobid, header=True):
        if entry.name == "file":
            # The next entries are the content of files, not of the eventlog.
            return
        yield LogEvent(entry.timestamp, entry.name, entry.context)


async def _all(flux: AsyncClient, jobid: str, path: str, *, wait: bool) -> Events:
    """Yield the events of an eventlog to its end."""
    if path == "eventlog":
        async with flux.job_events(jobid) as stream:
            async for event in stream:
                yield LogEvent(event.timestamp, event.name, event.context)
    elif path == _SHELL_LOG:
        async with aclosing(_of_shell(flux, jobid, wait=wait)) as events:
            async for read in events:
                yield read
    else:
        async for entry in flux.follow_output(jobid):
            if entry.name == "file":
                return
            yield LogEvent(entry.timestamp, entry.name, entry.context)


async def _of_shell(flux: AsyncClient, jobid: str, *, wait: bool) -> Events:
    """Yield the events of the job shell to the end of the job, by reading them again and again."""
    from fluxapi.client import NotFound  # noqa: PLC0415 - already imported

    seen, pause = 0, _FIRST_PAUSE_S
    while True:
        job = await flux.get(jobid)
        try:
            events = decode(await flux.stored(jobid, "guest.exec.eventlog"))
        except NotFound:
            events = []
            if not (wait and job.is_active):
                raise
        for event in events[seen:]:
            yield event
        if not job.is_active:
            return
        pause = _FIRST_PAUSE_S if len(events) > seen else min(pause * 2, _LAST_PAUSE_S)
        seen = len(events)
        await asyncio.sleep(pause)


def decode(text: str) -> list[LogEvent]:
    """Return the events of an eventlog; raise ``BadAnswer`` if it is none."""
    from fluxapi.client.errors import BadAnswer  # noqa: PLC0415 - already imported

    try:
        found = [json.loads(line) for line in text.split("\n") if line]
        return [
            LogEvent(float(it["timestamp"]), str(it["name"]), it.get("context")) for it in found
        ]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise BadAnswer("The eventlog is not one of RFC 18.") from None


async def _info(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    key = arguments.key
    if key not in _KEYS:
        raise Failure(
            f"{safe(key)}: key not found for {shown_id(arguments.id)}; the keys are "
            f"{', '.join(_KEYS)}."
        )
    if key == "guest.output":
        lines = EventLines(
            argparse.Namespace(format="json", human=False, time_format="raw", color="never")
        )
        async with aclosing(_so_far(flux, arguments.id, key)) as events:
            async for event in events:
                put(lines.line(event))
        put()
        return OK
    text = await flux.stored(arguments.id, cast("StoredKey", key))
    put("\n".join(map(safe, text.split("\n"))))
    return OK

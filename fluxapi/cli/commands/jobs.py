"""``fluxapi jobs``: a list of jobs, as in ``flux jobs``."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from fluxapi.cli import formats, listing, table, tree
from fluxapi.cli.arguments import (
    Command,
    Parsers,
    add_color,
    add_command,
    add_filter,
    add_ids,
    filters,
    natural,
)
from fluxapi.cli.exit_codes import FAILED, OK, USAGE, Failure
from fluxapi.cli.fields import JobFields, heading
from fluxapi.cli.format import Format, FormatError, clip
from fluxapi.cli.ids import shown_id
from fluxapi.cli.instance_fields import FIELDS
from fluxapi.cli.outage import told_outage
from fluxapi.cli.session import add_connection, connected, path_of
from fluxapi.cli.terminal import colors, note, put, width
from fluxapi.cli.text import plural, safe
from fluxapi.cli.times import when
from fluxapi.model.job import GROUPS

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient, Job

__all__ = ["COMMAND", "add", "add_format", "chosen_format"]

COMMAND = Command("jobs", "list jobs", group="inspect jobs", position=1)

_COLORS = {
    "COMPLETED": "\033[01;32m",
    "FAILED": "\033[01;31m",
    "CANCELED": "\033[37m",
    "TIMEOUT": "\033[01;31m",
}
_MAX_LEVELS = 999
_INSTANCE = "\033[01;34m"
_RESET = "\033[0;0m"


def add(parsers: Parsers) -> None:
    """Declare the command and its arguments, which are those of ``flux jobs``."""
    parser = add_command(
        parsers,
        COMMAND,
        "List jobs: pending and running ones by default; with --group, also inactive ones.",
    )
    add_ids(parser, "*", "list these jobs")
    parser.add_argument("-a", dest="everything", action="store_true", help="include inactive jobs")
    parser.add_argument(
        "-A", dest="everybody", action="store_true", help="list jobs of all users (the default)"
    )
    parser.add_argument(
        "-f",
        "--filter",
        metavar="STATE|RESULT,…",
        type=filters,
        action="extend",
        help="only jobs with these states or results: pending, running, failed, …",
    )
    parser.add_argument(
        "-c",
        "--count",
        metavar="N",
        type=natural,
        default=1000,
        help="list at most N jobs; 0 is all",
    )
    parser.add_argument(
        "--since",
        metavar="WHEN",
        type=when(),
        help="only jobs active after WHEN: --since=-6h, '2 hours ago', 8am, 2026-11-24; implies -a",
    )
    parser.add_argument(
        "--held",
        action="store_true",
        help="only held jobs: they have not started, and their urgency is 0",
    )
    parser.add_argument(
        "--history",
        metavar="INSTANCE",
        nargs="?",
        const="",
        help="include jobs that Flux has purged, from the history of the service; with INSTANCE, "
        "an ID in the history or all, list only its jobs; implies -a",
    )
    parser.add_argument(
        "--text",
        metavar="WORDS",
        help="only jobs with all these words in ID, name, user, queue, nodes, state or exception; "
        "in the history also in the command, as whole words or WORD*",
    )
    add_filter(parser)
    parser.add_argument(
        "-i", "--include", metavar="HOSTS|RANKS", help="only jobs on any of these nodes"
    )
    add_format(parser)
    parser.add_argument(
        "--sort", metavar="KEY,…", default="", help="sort by these fields; -KEY reverses"
    )
    parser.add_argument(
        "-R",
        "--recursive",
        action="store_true",
        help="also list the jobs of nested instances, under the path of each",
    )
    parser.add_argument(
        "-L",
        "--level",
        metavar="N",
        type=natural,
        default=_MAX_LEVELS,
        help="with -R, descend only N levels",
    )
    parser.add_argument(
        "-w",
        "--width",
        metavar="N",
        type=int,
        nargs="?",
        const=0,
        default=-1,
        help="truncate lines to N columns; without N, to the width of the terminal",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, as flux jobs --json does")
    add_color(parser, "lines by result")
    parser.add_argument("--stats", action="store_true", help="print job counts before the list")
    parser.add_argument(
        "--stats-only",
        action="store_true",
        help="print only job counts; exit status 1 if no job is active",
    )
    add_connection(parser, user=False)
    parser.set_defaults(run=_run)


def add_format(parser: argparse.ArgumentParser, default: str = "default") -> None:
    """Add the output options of a job list."""
    parser.add_argument(
        "-n",
        "--no-header",
        "--suppress-header",
        action="store_true",
        help="do not print the header",
    )
    parser.add_argument(
        "-o",
        "--format",
        metavar="NAME|FORMAT",
        default=default,
        help="output format, or the name of one; -o help lists the names",
    )


def chosen_format(text: str, sort: str = "") -> Format:
    """Return the format of ``-o``; raise :class:`~fluxapi.cli.exit_codes.Failure`."""
    chosen = table.chosen_format(text, heading, formats.JOBS)
    try:
        if sort:
            chosen.set_sort(sort)
    except FormatError as error:
        raise Failure(str(error), USAGE) from None
    return chosen


def _run(arguments: argparse.Namespace) -> int:
    if table.described(arguments.format, formats.JOBS):
        return OK
    if arguments.json and (arguments.stats or arguments.stats_only):
        raise Failure("--json excludes --stats and --stats-only.", USAGE)
    if arguments.since is not None and arguments.since > time.time():
        raise Failure("--since is in the future.", USAGE)
    chosen = chosen_format(arguments.format, arguments.sort)

    async def act(flux: AsyncClient, given: argparse.Namespace) -> int:
        return await _list(flux, given, chosen)

    return connected(arguments, act)


async def _list(flux: AsyncClient, arguments: argparse.Namespace, chosen: Format) -> int:
    if arguments.stats or arguments.stats_only:
        active = await _print_stats(flux, arguments)
        if arguments.stats_only:
            return OK if active else FAILED
    found = await listing.find(flux, listing.job_query(arguments))
    if arguments.group and not (found.jobs or arguments.ids or arguments.recursive):
        await flux.group(arguments.group)  # raises an error if there is none
    for sentence in found.missing:
        note(sentence)
    if arguments.ids and not found.jobs:
        return FAILED
    now = (await told_outage(flux, path_of(arguments))).now
    if arguments.json:
        await _print_json([JobFields(job, now) for job in found.jobs], arguments)
    else:
        query = dataclasses.replace(listing.job_query(arguments), ids=())
        descent = tree.Descent(arguments, query, stats=arguments.stats and not arguments.group)
        rows = await _rows(found.jobs, now, chosen, descent)
        rows = _print_table(rows, arguments, chosen)
        if arguments.recursive:
            await _descend(rows, arguments, chosen, descent)
    if found.truncated and not (arguments.no_header or arguments.json):
        count = plural(arguments.count, "job")
        note(f"Showing {count}; more match. Use --count=0 for all.")
    return FAILED if found.missing else OK


async def _rows(
    jobs: list[Job],
    now: float,
    chosen: Format,
    descent: tree.Descent,
    path: tuple[str, ...] = (),
) -> list[JobFields]:
    """Return the fields of the jobs at *path*, with those of instances if the format has them."""
    if not chosen.uses(FIELDS):
        return [JobFields(job, now) for job in jobs]
    figures = await descent.figures([(*path, job.id) for job in jobs if tree.is_instance(job)])
    return [JobFields(job, now, figures.get((*path, job.id))) for job in jobs]


async def _print_stats(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    """Print the counts of ``flux jobs --stats``, and return the number of active jobs."""
    from fluxapi.cli.answers import job_counts  # noqa: PLC0415 - imports the client

    if arguments.group:
        group = await flux.group(arguments.group)
        return _put_stats(group.states, group.results)
    counts = await job_counts(flux)
    if not arguments.queue:
        return _put_stats(counts.states, counts.results)
    states: Counter[str] = Counter()
    results: Counter[str] = Counter()
    for name in dict.fromkeys(arguments.queue):
        if name not in counts.by_queue:
            raise Failure(f"error retrieving job stats: no stats available for queue {safe(name)}")
        states.update(counts.by_queue[name].states)
        results.update(counts.by_queue[name].results)
    return _put_stats(states, results)


def _put_stats(states: Mapping[str, int], results: Mapping[str, int]) -> int:
    pending, running = (
        sum(states.get(name, 0) for name in GROUPS[group]) for group in ("PENDING", "RUNNING")
    )
    completed = results.get("COMPLETED", 0)
    failed = sum(results.values()) - completed
    put(f"{running} running, {completed} completed, {failed} failed, {pending} pending")
    return int(pending + running)


async def _print_json(rows: list[JobFields], arguments: argparse.Namespace) -> None:
    records = [row.to_dict() for row in rows]
    if arguments.recursive and arguments.level:
        parents = [at for at, row in enumerate(rows) if tree.is_instance(row.job)]
        paths = [(rows[at].job.id,) for at in parents]
        query = dataclasses.replace(listing.job_query(arguments), ids=())
        found = await tree.Descent(arguments, query).fetch(paths)
        for at, child in zip(parents, found, strict=True):
            if child.problem:
                note(child.problem)
            if child.outage.sentence:
                note(child.outage.sentence)
            now = min(rows[at].now, child.outage.since)
            records[at]["jobs"] = [JobFields(job, now).to_dict() for job in child.jobs]
    put(json.dumps(records[0] if len(arguments.ids) == 1 else {"jobs": records}))


async def _descend(
    rows: list[JobFields],
    arguments: argparse.Namespace,
    chosen: Format,
    descent: tree.Descent,
    path: tuple[str, ...] = (),
) -> None:
    """Print the jobs of the instances among *rows*, which are those at *path*."""
    if len(path) >= arguments.level:
        return
    paths = [(*path, row.job.id) for row in rows if tree.is_instance(row.job)]
    found = await descent.fetch(paths)
    bare = argparse.Namespace(**{**vars(arguments), "no_header": True})
    for place, child in zip(paths, found, strict=True):
        if child.is_skipped:
            return
        put(f"\n{'/'.join(map(shown_id, place))}:")
        if child.problem:
            note(child.problem)
            continue
        if child.stats is not None:
            _put_stats(child.stats.states, child.stats.results)
        if child.outage.sentence:
            note(child.outage.sentence)
        below = await _rows(child.jobs, child.outage.now, chosen, descent, place)
        below = _print_table(below, bare, chosen)
        await _descend(below, arguments, chosen, descent, place)


def _print_table(
    rows: list[JobFields], arguments: argparse.Namespace, chosen: Format
) -> list[JobFields]:
    """Print the rows, and return them in the order of the table."""
    limit = width() if arguments.width == 0 else arguments.width
    color = colors(arguments.color)
    try:
        rows = chosen.sorted(rows, lambda row: row.get)
        fitted = chosen.fitted([row.get for row in rows], header=not arguments.no_header)
        if not arguments.no_header:
            put(clip(fitted.header(), limit))
        for row in rows:
            line = fitted.line(row.get)
            if not line or line.isspace():
                continue
            line = clip(line, limit)
            if color:
                paint = _paint(row)
                # Write the reset at the start of the next line, as flux jobs does.
                sys.stdout.write(f"{paint}{line}\n{_RESET if paint else ''}")
            else:
                put(line)
    except FormatError as error:
        raise Failure(str(error), USAGE) from None
    return rows


def _paint(row: JobFields) -> str:
    if row.job.result:
        return _COLORS.get(row.job.result, "")
    return _INSTANCE if row.job.uri else ""

"""``fluxapi pstree``: the tree of instances and their jobs, as in ``flux pstree``."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fluxapi.cli import listing, tree
from fluxapi.cli.arguments import Command, Parsers, add_command, add_ids, filters, natural
from fluxapi.cli.exit_codes import FAILED, OK, USAGE, Failure
from fluxapi.cli.fields import JobFields, heading
from fluxapi.cli.format import Format, FormatError, clip
from fluxapi.cli.ids import shown_id
from fluxapi.cli.session import add_connection, runs
from fluxapi.cli.terminal import note, put, width
from fluxapi.cli.text import safe

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient, Job

__all__ = ["COMMAND", "add"]

COMMAND = Command(
    "pstree", "show the tree of instances and jobs", group="show the instance", position=3
)

_DETAILS = (
    "{id.f58:>12} {username:<8.8} {status_abbrev:>2.2} {ntasks:>6h} {nnodes:>6h} {runtime!F:>8h}"
)
"""The details of ``flux pstree -x`` (flux-core, src/cmd/flux-pstree.py)."""

_MAX_LEVELS = 999


def add(parsers: Parsers) -> None:
    """Declare the command and its arguments, which are those of ``flux pstree``."""
    parser = add_command(
        parsers,
        COMMAND,
        "Draw the jobs of the instance and of the instances below it as a tree. Jobs that run are "
        "shown by default.",
    )
    add_ids(parser, "*", "show only these jobs and what is below them")
    parser.add_argument("-a", "--all", action="store_true", help="include jobs in all states")
    parser.add_argument(
        "-c",
        "--count",
        metavar="N",
        type=natural,
        default=1000,
        help="show at most N jobs of each instance; 0 is all",
    )
    parser.add_argument(
        "-f",
        "--filter",
        metavar="STATE|RESULT,…",
        type=filters,
        default=["running"],
        help="only jobs with these states or results",
    )
    parser.add_argument(
        "-x", "--extended", action="store_true", help="print details before the tree"
    )
    parser.add_argument(
        "--detail-format", metavar="FORMAT", help="print these details before the tree"
    )
    parser.add_argument(
        "-l", "--long", action="store_true", help="do not truncate lines to the terminal"
    )
    parser.add_argument(
        "-L",
        "--level",
        metavar="N",
        type=natural,
        default=_MAX_LEVELS,
        help="descend only N levels",
    )
    parser.add_argument(
        "-p", "--parent-ids", action="store_true", help="add the IDs to the labels of instances"
    )
    parser.add_argument(
        "-n", "--no-header", action="store_true", help="do not print the header of the details"
    )
    parser.add_argument(
        "-X", "--no-combine", action="store_true", help="show each of several equal jobs"
    )
    parser.add_argument("-o", "--label", metavar="FORMAT", help="label of a job; default {name}")
    parser.add_argument("--parent-label", metavar="FORMAT", help="label of an instance")
    style = parser.add_mutually_exclusive_group()
    style.add_argument(
        "-C", "--compact", dest="style", action="store_const", const="compact", help="narrow lines"
    )
    style.add_argument(
        "--ascii", dest="style", action="store_const", const="ascii", help="lines of ASCII"
    )
    parser.add_argument(
        "--skip-root",
        choices=("yes", "no"),
        help="leave the instance itself out; default with details and with IDs",
    )
    add_connection(parser)
    parser.set_defaults(run=runs(_act))


class _Drawing:
    """The labels of jobs, and which jobs of an instance to show."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.now = time.time()
        every = "{name}:{status_abbrev}" if arguments.all else "{name}"
        label = arguments.label or every
        parent = arguments.parent_label or arguments.label or "{name}"
        if arguments.parent_ids:
            parent = f"{{id.f58}} {parent}"
        details = arguments.detail_format or (_DETAILS if arguments.extended else "")
        try:
            self.label, self.parent = Format(label, heading), Format(parent, heading)
            self.details = Format(details, heading) if details else None
        except FormatError as error:
            raise Failure(str(error), USAGE) from None
        given = arguments.skip_root
        skipped = self.details is not None or bool(arguments.ids)
        self.skips_root = skipped if given is None else given == "yes"
        words = ("pending", "running", "inactive") if arguments.all else tuple(arguments.filter)
        self.query = listing.JobQuery(words=words, count=arguments.count)
        self.descent = tree.Descent(arguments, self.query)

    def branch(self, job: Job, *, is_parent: bool) -> tree.Branch:
        """Return the branch of a job, without those below it."""
        label = self.parent if is_parent else self.label
        return self.drawn(label, JobFields(job, self.now).get)

    def drawn(self, label: Format, values: Callable[[str], Any]) -> tree.Branch:
        """Return the branch of what has these values."""
        try:
            prefix = self.details.line(values) if self.details else ""
            return tree.Branch(label.line(values), prefix)
        except FormatError as error:
            raise Failure(str(error), USAGE) from None

    async def grow(self, into: tree.Branch, jobs: list[Job], path: tuple[str, ...] = ()) -> None:
        """Add the jobs of the instance at *path*, and those below them."""
        parents = [job for job in jobs if tree.is_instance(job)]
        below: dict[str, tree.ChildJobs] = {}
        if len(path) < self.arguments.level:
            paths = [(*path, job.id) for job in parents]
            found = await self.descent.fetch(paths)
            below = {job.id: child for job, child in zip(parents, found, strict=True)}
        for job in jobs:
            branch = self.branch(job, is_parent=tree.is_instance(job))
            child = below.get(job.id)
            if child is not None:
                if child.problem:
                    note(child.problem)
                if child.outage.sentence:
                    note(child.outage.sentence)
                await self.grow(branch, child.jobs, (*path, job.id))
            into.add(branch, combine=not self.arguments.no_combine)


async def _root(flux: AsyncClient, arguments: argparse.Namespace, drawing: _Drawing) -> tree.Branch:
    """Return the branch of the instance itself."""
    name, jobid = ".", "."
    if arguments.instance:
        info = await flux.instance(arguments.instance)
        name, jobid = safe(str(info.get("name", "."))), shown_id(safe(str(info.get("id", "."))))

    def values(field: str) -> str:
        """Return the fields that an instance has in common with a job."""
        if field == "name":
            return name
        return jobid if field.partition(".")[0] == "id" else ""

    return drawing.drawn(drawing.parent, values)


async def _act(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    drawing = _Drawing(arguments)
    # The filter holds below the instance, and for its own jobs if it is shown itself.
    query = replace(drawing.query, words=("running",)) if drawing.skips_root else drawing.query
    found = await listing.find(flux, replace(query, ids=tuple(arguments.ids)))
    for sentence in found.missing:
        note(sentence)
    root = await _root(flux, arguments, drawing)
    await drawing.grow(root, found.jobs)
    if drawing.details is not None and not arguments.no_header:
        put(drawing.details.header())
    limit = 0 if arguments.long else width()
    for top in root.children if drawing.skips_root else [root]:
        for line in top.lines(tree.STYLES[arguments.style or "box"]):
            put(clip(line, limit))
    return FAILED if found.missing else OK

"""``fluxapi pstree``: the tree of instances and their jobs, as in ``flux pstree``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fluxapi.cli import listing, tree
from fluxapi.cli.arguments import Command, Parsers, add_command, add_ids, filters, natural
from fluxapi.cli.exit_codes import FAILED, OK, USAGE, Failure
from fluxapi.cli.fields import JobFields, heading
from fluxapi.cli.format import Format, FormatError, clip
from fluxapi.cli.instance_fields import FIELDS, read_figures
from fluxapi.cli.outage import told_outage
from fluxapi.cli.session import add_connection, client, path_of, runs
from fluxapi.cli.terminal import note, put, width

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient, Job

__all__ = ["COMMAND", "add"]

COMMAND = Command(
    "pstree", "show the tree of instances and jobs", group="show the instance", position=3
)

_RESOURCES = " ".join(
    f"{{instance.resources.{state}.{what}:>5}}"
    for what in ("nnodes", "ncores", "ngpus")
    for state in ("all", "allocated")
)
_DETAILS = {
    "default": "{id.f58:>12} {username:<8.8} {status_abbrev:>2.2} {ntasks:>6h} {nnodes:>6h} "
    "{runtime!F:>8h}",
    "resources": f"{{id.f58:>12}} {_RESOURCES}",
    "progress": "{id.f58:>12} {ntasks:>6h} {instance.stats.total:>6} {instance.progress!P:>5} "
    "{instance.utilization!P:>5} {instance.gpu_utilization!P:>5} {runtime!H:>10}",
    "stats": "{id.f58:>12} {instance.stats:^25} {runtime!H:>10}",
}
"""The formats of ``flux pstree --details`` (flux-core, src/cmd/flux-pstree.py)."""

_MAX_LEVELS = 999


def add(parsers: Parsers) -> None:
    """Declare the command and its arguments, which are those of ``flux pstree``."""
    parser = add_command(
        parsers,
        COMMAND,
        "Draw the jobs of the instance and of the instances below it as a tree. By default, only "
        "running jobs are shown.",
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
        help="only jobs with these states or results",
    )
    parser.add_argument(
        "-x", "--extended", action="store_true", help="print details before the tree"
    )
    parser.add_argument(
        "-d",
        "--details",
        metavar="NAME",
        choices=_DETAILS,
        help=f"print these details before the tree: {', '.join(_DETAILS)}",
    )
    parser.add_argument(
        "--detail-format", metavar="FORMAT", help="print details in this format before the tree"
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
        "-X", "--no-combine", action="store_true", help="show equal jobs one by one"
    )
    parser.add_argument("-o", "--label", metavar="FORMAT", help="label of a job; default {name}")
    parser.add_argument("--parent-label", metavar="FORMAT", help="label of an instance")
    style = parser.add_mutually_exclusive_group()
    style.add_argument(
        "-C",
        "--compact",
        dest="style",
        action="store_const",
        const="compact",
        help="draw the tree with narrow lines",
    )
    style.add_argument(
        "--ascii", dest="style", action="store_const", const="ascii", help="draw the tree in ASCII"
    )
    parser.add_argument(
        "--skip-root",
        choices=("yes", "no"),
        help="leave out the instance itself; the default with details and with IDs",
    )
    add_connection(parser)
    parser.set_defaults(run=runs(_act))


class _Drawing:
    """The labels of jobs, and which jobs of an instance to show."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        every = "{name}:{status_abbrev}" if arguments.all else "{name}"
        label = arguments.label or every
        parent = arguments.parent_label or arguments.label or "{name}"
        if arguments.parent_ids:
            parent = f"{{id.f58}} {parent}"
        named = arguments.details or ("default" if arguments.extended else "")
        details = arguments.detail_format or _DETAILS.get(named, "")
        try:
            self.label, self.parent = Format(label, heading), Format(parent, heading)
            self.details = Format(details, heading) if details else None
        except FormatError as error:
            raise Failure(str(error), USAGE) from None
        given = arguments.skip_root
        skipped = self.details is not None or bool(arguments.ids)
        self.skips_root = skipped if given is None else given == "yes"
        words = tuple(arguments.filter or ("running",))
        if arguments.all:
            words = ("pending", "running", "inactive")
        self.query = listing.JobQuery(words=words, count=arguments.count)
        formats = (self.label, self.parent, self.details)
        self.has_figures = any(it is not None and it.uses(FIELDS) for it in formats)
        self.descent = tree.Descent(arguments, self.query, figures=self.has_figures)

    def branch(self, job: Job, now: float, child: tree.ChildJobs | None) -> tree.Branch:
        """Return the branch of a job, without those below it."""
        label = self.parent if tree.is_instance(job) else self.label
        figures = None if child is None else child.figures
        return self.drawn(label, JobFields(job, now, figures).get)

    def drawn(self, label: Format, values: Callable[[str], Any]) -> tree.Branch:
        """Return the branch of what has these values."""
        try:
            prefix = self.details.line(values) if self.details else ""
            return tree.Branch(label.line(values), prefix)
        except FormatError as error:
            raise Failure(str(error), USAGE) from None

    async def grow(
        self, into: tree.Branch, jobs: list[Job], now: float, path: tuple[str, ...] = ()
    ) -> None:
        """Add the jobs of the instance at *path* as of the time *now*, and those below them."""
        below = await self._below([job for job in jobs if tree.is_instance(job)], path)
        for job in jobs:
            child = below.get(job.id)
            branch = self.branch(job, now, child)
            if child is not None:
                for sentence in filter(None, (child.problem, child.outage.sentence)):
                    note(sentence)
                await self.grow(branch, child.jobs, min(now, child.outage.since), (*path, job.id))
            into.add(branch, combine=not self.arguments.no_combine)

    async def _below(self, parents: list[Job], path: tuple[str, ...]) -> dict[str, tree.ChildJobs]:
        """Return what is to show of instances, by the IDs of their jobs."""
        paths = [(*path, job.id) for job in parents]
        if len(path) < self.arguments.level:
            found = await self.descent.fetch(paths)
            return {job.id: child for job, child in zip(parents, found, strict=True)}
        if not self.has_figures:
            return {}
        figures = await self.descent.figures(paths)
        return {place[-1]: tree.ChildJobs([], figures=it) for place, it in figures.items()}


async def _root(
    flux: AsyncClient, arguments: argparse.Namespace, drawing: _Drawing, now: float
) -> tree.Branch:
    """Return the branch of the instance itself, which is a job of its parent."""
    figures = await read_figures(flux) if drawing.has_figures else None
    path = path_of(arguments)
    if path:
        parent, _, jobid = path.rpartition("/")
        above = argparse.Namespace(**{**vars(arguments), "instance": parent})
        async with client(above) as other:
            fields = JobFields(await other.get(jobid), now, figures)
        return drawing.drawn(drawing.parent, fields.get)
    fields = JobFields(await _as_job(flux), now, figures)

    def values(field: str) -> Any:
        """Return a field of the root, which is not a job and has no ID."""
        return "." if field.partition(".")[0] == "id" else fields.get(field)

    return drawing.drawn(drawing.parent, values)


async def _as_job(flux: AsyncClient) -> Job:
    """Return the root instance in the form of a job, as ``flux pstree`` does."""
    from fluxapi.cli.answers import info  # noqa: PLC0415 - imports the client
    from fluxapi.client import Job  # noqa: PLC0415 - already imported

    found = await info(flux)
    return Job(
        id="f1",
        state="RUN",
        status="RUN",
        name=".",
        username=found.owner,
        ntasks=found.size,
        nnodes=found.size,
        t_run=found.starttime,
    )


async def _act(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    if arguments.ids and (arguments.filter or arguments.all):
        note("filtering options are ignored with job IDs")
    drawing = _Drawing(arguments)
    now = (await told_outage(flux, path_of(arguments))).now
    # The filter holds below the instance, and for its own jobs if it is shown itself.
    query = replace(drawing.query, words=("running",)) if drawing.skips_root else drawing.query
    found = await listing.find(flux, replace(query, ids=tuple(arguments.ids)))
    for sentence in found.missing:
        note(sentence)
    root = tree.Branch("")
    if not drawing.skips_root:
        root = await _root(flux, arguments, drawing, now)
    await drawing.grow(root, found.jobs, now)
    if drawing.details is not None and not arguments.no_header:
        put(drawing.details.header())
    limit = 0 if arguments.long else width()
    for top in root.children if drawing.skips_root else [root]:
        for line in top.lines(tree.STYLES[arguments.style or "box"]):
            put(clip(line, limit))
    return FAILED if found.missing else OK

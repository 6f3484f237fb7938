"""Jobs of the instances below an instance, and trees of labels as ``flux pstree`` draws them."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import listing
from .instance_fields import InstanceFigures, read_figures
from .outage import NO_OUTAGE, Outage, outage_of
from .session import client, path_of
from .terminal import note

if TYPE_CHECKING:
    from fluxapi.client import Job

    from .answers import JobCounts

__all__ = ["STYLES", "Branch", "ChildJobs", "Descent", "Style", "is_instance"]

_MAX_FETCHED_INSTANCES = 4
"""Child instances that are read at the same time."""

_MAX_INSTANCES, _MAX_LEVELS = 1000, 100
"""Child instances that one command reads, and levels of them: a service may invent any number."""


@dataclass(frozen=True)
class ChildJobs:
    """The jobs of a child instance, or why they cannot be read.

    Attributes:
        is_skipped: The command has read as many instances as it may, and has said so.
        outage: A sentence and a time if the instance does not answer.
        figures: Its resources and the counts of its jobs, if they are wanted and known.
    """

    jobs: list[Job]
    stats: JobCounts | None = None
    problem: str = ""
    is_skipped: bool = False
    outage: Outage = NO_OUTAGE
    figures: InstanceFigures | None = None


def is_instance(job: Job) -> bool:
    """Return whether a job is a Flux instance that runs."""
    return bool(job.uri) and job.status == "RUN"


class Descent:
    """The way of one command to the instances below, which reads a limited number of them."""

    def __init__(
        self,
        arguments: argparse.Namespace,
        query: listing.JobQuery,
        *,
        stats: bool = False,
        figures: bool = False,
    ) -> None:
        self._arguments = arguments
        self._query = query
        self._stats = stats
        self._figures = figures
        self._slots = asyncio.Semaphore(_MAX_FETCHED_INSTANCES)
        self._left = _MAX_INSTANCES
        self._has_told = False

    async def fetch(self, paths: Sequence[Sequence[str]]) -> list[ChildJobs]:
        """Return the jobs of the instances at *paths*, in this order."""
        taken = [path for path in paths[: self._left] if len(path) <= _MAX_LEVELS]
        self._left -= len(taken)
        if len(taken) < len(paths) and not self._has_told:
            self._has_told = True
            note(
                f"At most {_MAX_INSTANCES} instances and {_MAX_LEVELS} levels are read, and there "
                "are more. Use --instance or job IDs to select what to show."
            )
        found = await asyncio.gather(*map(self._read, taken))
        return [*found, *[ChildJobs([], is_skipped=True)] * (len(paths) - len(taken))]

    async def figures(
        self, paths: Sequence[Sequence[str]]
    ) -> dict[tuple[str, ...], InstanceFigures]:
        """Return the figures of those of the instances at *paths* that tell them."""
        taken = [tuple(path) for path in paths[: self._left] if len(path) <= _MAX_LEVELS]
        self._left -= len(taken)
        found = await asyncio.gather(*map(self._read_figures, taken))
        return {path: it for path, it in zip(taken, found, strict=True) if it is not None}

    async def _read_figures(self, path: Sequence[str]) -> InstanceFigures | None:
        async with self._slots, client(self._arguments, path, retries=0) as flux:
            return await read_figures(flux)

    async def _read(self, path: Sequence[str]) -> ChildJobs:
        from fluxapi.client import ClientError  # noqa: PLC0415 - already imported

        from .answers import job_counts  # noqa: PLC0415 - imports the client

        # The service has just answered: what a child refuses, a retry would not change.
        async with self._slots, client(self._arguments, path, retries=0) as flux:
            try:
                counts = await job_counts(flux) if self._stats else None
                jobs = (await listing.find(flux, self._query)).jobs
                outage = await outage_of(flux, path_of(self._arguments, path))
                figures = await read_figures(flux) if self._figures else None
                return ChildJobs(jobs, counts, outage=outage, figures=figures)
            except ClientError as error:
                return ChildJobs([], problem=str(error))


@dataclass(frozen=True)
class Style:
    """The connectors of a tree."""

    pipe: str
    tee: str
    elbow: str
    blank: str


STYLES = {
    "box": Style("│   ", "├── ", "└── ", "    "),
    "ascii": Style("|   ", "|-- ", "`-- ", "    "),
    "compact": Style("│ ", "├─", "└─", "  "),
}
"""The styles of ``flux pstree``."""


@dataclass
class Branch:
    """A label with those below it; ``count`` equal leaves share one line.

    Attributes:
        prefix: The text before the connectors.
    """

    label: str
    prefix: str = ""
    count: int = 1
    children: list[Branch] = field(default_factory=list)

    def add(self, child: Branch, *, combine: bool) -> None:
        """Append a branch; *combine* counts a leaf that is equal to an earlier one there."""
        if combine and not child.children:
            for other in self._leaves():
                if (other.prefix, other.label) == (child.prefix, child.label):
                    other.count += 1
                    return
        self.children.append(child)

    def _leaves(self) -> Iterator[Branch]:
        return (child for child in self.children if not child.children)

    def lines(self, style: Style, indent: str = "", connector: str = "") -> Iterator[str]:
        """Yield the lines of the branch and of those below it."""
        label = self.label if self.count == 1 else f"{self.count}*[{self.label}]"
        prefix = f"{self.prefix} " if self.prefix else ""
        yield f"{prefix}{indent}{connector}{label}"
        below = indent
        if connector:
            below += style.blank if connector == style.elbow else style.pipe
        for number, child in enumerate(self.children, 1):
            is_last = number == len(self.children)
            yield from child.lines(style, below, style.elbow if is_last else style.tee)

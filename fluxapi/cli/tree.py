"""Jobs of the instances below an instance, and trees of labels as ``flux pstree`` draws them."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import listing
from .session import client

if TYPE_CHECKING:
    from fluxapi.client import Job

    from .answers import JobCounts

__all__ = ["STYLES", "Branch", "ChildJobs", "Style", "fetch", "is_instance"]

_MAX_FETCHED_INSTANCES = 4
"""Child instances that are read at the same time."""


@dataclass(frozen=True)
class ChildJobs:
    """The jobs of a child instance, or why they cannot be read."""

    jobs: list[Job]
    stats: JobCounts | None = None
    problem: str = ""


def is_instance(job: Job) -> bool:
    """Return whether a job is a Flux instance that runs."""
    return bool(job.uri) and job.status == "RUN"


async def fetch(
    arguments: argparse.Namespace,
    paths: Iterable[Sequence[str]],
    query: listing.JobQuery,
    *,
    stats: bool = False,
) -> list[ChildJobs]:
    """Return the jobs of the instances at *paths*, in this order."""
    slots = asyncio.Semaphore(_MAX_FETCHED_INSTANCES)

    async def one(path: Sequence[str]) -> ChildJobs:
        from fluxapi.client import ClientError  # noqa: PLC0415 - already imported

        from .answers import job_counts  # noqa: PLC0415 - imports the client

        # The service has just answered: what a child refuses, a retry would not change.
        async with slots, client(arguments, path, retries=0) as flux:
            try:
                counts = await job_counts(flux) if stats else None
                return ChildJobs((await listing.find(flux, query)).jobs, counts)
            except ClientError as error:
                return ChildJobs([], problem=str(error))

    return await asyncio.gather(*map(one, paths))


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

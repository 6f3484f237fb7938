"""The jobs that ``fluxapi pgrep`` and ``fluxapi pkill`` choose, as in Flux."""

from __future__ import annotations

import argparse
import re
from itertools import islice
from typing import TYPE_CHECKING

from fluxapi.model.jobid import parse

from .arguments import filters, natural, words
from .exit_codes import USAGE, Failure
from .listing import JobQuery, find
from .text import safe

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient, Job

__all__ = ["add_choice", "choose", "expression"]

_ALL = ("pending", "running", "inactive")
_NAME = "name:"


class Expression:
    """A test for jobs: a regular expression for their names, a range of their IDs, or both.

    The expression runs here, not in the service, so a slow one delays only its user.
    """

    def __init__(self, texts: list[str]) -> None:
        """Parse the expressions of a command line; raise ``ValueError``."""
        self._range: tuple[int, int] | None = None
        self._pattern: re.Pattern[str] | None = None
        for text in texts:
            found = None if ":" in text else _range(text)
            if found is not None:
                self._range = found
                continue
            if self._pattern is not None:
                raise ValueError("Only one pattern can be given.")
            try:
                self._pattern = re.compile(text.removeprefix(_NAME))
            except (re.error, OverflowError, RecursionError) as error:
                raise ValueError(
                    f"{safe(text[:80])!r} is not a regular expression: {error}."
                ) from None

    def matches(self, job: Job) -> bool:
        """Return whether the job is one of the chosen ones."""
        if self._pattern is not None and not self._pattern.search(job.name or ""):
            return False
        return self._range is None or self._range[0] <= parse(job.id) <= self._range[1]


def _range(text: str) -> tuple[int, int] | None:
    first, dots, last = text.partition("..")
    try:
        return (parse(first), parse(last)) if dots else None
    except ValueError:
        return None


def expression(arguments: argparse.Namespace) -> Expression:
    """Return the expression; raise :class:`~fluxapi.cli.exit_codes.Failure`."""
    try:
        return Expression(arguments.expressions)
    except ValueError as error:
        raise Failure(str(error), USAGE) from None


def add_choice(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose jobs."""
    parser.add_argument("-a", dest="everything", action="store_true", help="include inactive jobs")
    parser.add_argument(
        "-A", dest="everybody", action="store_true", help="jobs of all users (the default)"
    )
    parser.add_argument("-u", "--user", metavar="USER", dest="owner", help="only jobs of this user")
    parser.add_argument(
        "-f",
        "--filter",
        metavar="STATE|RESULT,…",
        type=filters,
        action="extend",
        help="only jobs with these states or results; default pending and running ones",
    )
    parser.add_argument(
        "-q", "--queue", metavar="QUEUE,…", type=words, action="extend", help="only these queues"
    )
    parser.add_argument(
        "-c", "--count", metavar="N", type=natural, help="at most the first N matches"
    )
    parser.add_argument(
        "--max-entries",
        metavar="N",
        type=natural,
        default=1000,
        help="search at most N jobs; default 1000, 0 is all",
    )
    parser.add_argument(
        "expressions",
        metavar="EXPRESSION",
        nargs="+",
        help="regular expression for the name of a job, or a range of job IDs: f2..f3",
    )


async def choose(flux: AsyncClient, arguments: argparse.Namespace, wanted: Expression) -> list[Job]:
    """Return the jobs that match, in the order of ``flux jobs``."""
    states = [*(arguments.filter or ()), *(_ALL if arguments.everything else ())]
    owner = None if arguments.everybody or arguments.owner == "all" else arguments.owner
    query = JobQuery(
        words=tuple(states or ("pending", "running")),
        where={"user": owner} if owner else {},
        queues=tuple(arguments.queue or ()),
        count=arguments.max_entries,
    )
    found = (await find(flux, query)).jobs
    return list(islice(filter(wanted.matches, found), arguments.count))

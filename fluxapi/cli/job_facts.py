"""``fluxapi job last``, ``timeleft`` and ``stats``: figures of jobs, as in Flux."""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fluxapi.model.job import GROUPS

from .arguments import add_ids, checked, job_id
from .exit_codes import OK, USAGE, Failure
from .ids import shown_id
from .session import add_connection, runs
from .terminal import put
from .text import safe

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient

__all__ = ["add"]

_SLICE = re.compile(r"\[(-?[0-9]{1,9})?:(-?[0-9]{1,9})?(?::(-?[0-9]{1,9})?)?\]", re.ASCII)
_NUMBER = re.compile(r"-?[0-9]{1,9}", re.ASCII)
_UNLIMITED = 2**32 - 1
"""The seconds that ``flux job timeleft`` prints without a time limit."""

_MAX_MS = 0.1
_UNITS = ((60.0, "s", 1.0), (3600.0, "m", 60.0), (86400.0, "h", 3600.0))

_STATES = ("depend", "priority", "sched", "run", "cleanup", "inactive")
_RESULTS = {
    "successful": "COMPLETED",
    "failed": "FAILED",
    "canceled": "CANCELED",
    "timeout": "TIMEOUT",
}


def add(actions: Any) -> None:
    """Declare the actions."""
    last = actions.add_parser("last", help="print the jobs submitted last", allow_abbrev=False)
    last.add_argument(
        "slice",
        metavar="N|SLICE",
        nargs="?",
        type=checked(_slice),
        default="1",
        help="number of jobs, or a slice of all jobs from the newest on: [:3], [1:2], [::-1]",
    )
    left = actions.add_parser("timeleft", help="print the remaining time", allow_abbrev=False)
    left.add_argument("-H", "--human", action="store_true", help="print a duration such as 5.2m")
    add_ids(left, "?", "job ID; default that of $FLUX_JOB_ID")
    stats = actions.add_parser("stats", help="print counts of jobs as JSON", allow_abbrev=False)
    for parser, act in ((last, _last), (left, _left), (stats, _stats)):
        add_connection(parser)
        parser.set_defaults(run=runs(act))


def _slice(text: str) -> slice:
    """Parse a number or a slice in the syntax of Python; raise ``ValueError``."""
    if _NUMBER.fullmatch(text):
        return slice(None, int(text))
    match = _SLICE.fullmatch(text)
    if match is None or match[3] in {"0", "-0"}:
        raise ValueError(f"{text[:80]!r} is neither a number nor a slice such as [:3]")
    return slice(*(int(part) if part else None for part in match.groups()))


async def _last(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    wanted = arguments.slice
    begin, end, step = wanted.start or 0, wanted.stop, wanted.step or 1
    # Jobs are read newest first, so a slice that ends at a number needs only so many.
    is_head = end is not None and min(begin, end) >= 0 and step > 0
    found = [job.id async for job in flux.jobs(limit=end if is_head else None)]
    if not found[wanted]:
        raise Failure("There are no such jobs.")
    for jobid in found[wanted]:
        put(shown_id(jobid))
    return OK


async def _left(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    jobid = arguments.ids or os.environ.get("FLUX_JOB_ID", "")
    if not jobid:
        raise Failure("Give a job ID, or set FLUX_JOB_ID.", USAGE)
    try:
        job = await flux.get(job_id(jobid))
    except argparse.ArgumentTypeError as error:
        raise Failure(f"FLUX_JOB_ID: {safe(str(error))}.", USAGE) from None
    if job.state in GROUPS["PENDING"]:
        raise Failure(f"Job {shown_id(job.id)} has not started.")
    left = 0.0
    if job.state == "RUN":
        left = max(job.expiration - time.time(), 0.0) if job.expiration else math.inf
    if arguments.human:
        put(_duration(left))
    elif math.isinf(left):
        put(str(_UNLIMITED))
    else:
        # Less than a second is one: 0 says that the time is over.
        put(str(math.floor(left) or int(left > 0)))
    return OK


def _duration(seconds: float) -> str:
    """Format a duration with six digits, as the flux commands that are written in C do."""
    if math.isinf(seconds):
        return "infinity"
    if 0 < seconds < _MAX_MS:
        return f"{seconds * 1000:.6g}ms"
    for limit, unit, size in _UNITS:
        if seconds < limit:
            return f"{seconds / size:.6g}{unit}"
    return f"{seconds / 86400:.6g}d"


async def _stats(flux: AsyncClient, arguments: argparse.Namespace) -> int:  # noqa: ARG001 - the signature of all actions
    from .answers import job_counts  # noqa: PLC0415 - imports the client

    counts = await job_counts(flux)
    document = _counts(counts.states, counts.results)
    document["queues"] = [
        {**_counts(queue.states, queue.results), "name": name}
        for name, queue in counts.by_queue.items()
    ]
    put(json.dumps(document, separators=(",", ":")))
    return OK


def _counts(states: Mapping[str, int], results: Mapping[str, int]) -> dict[str, Any]:
    """Return counts of jobs by the names of ``flux job stats``."""
    by_state = {name: states.get(name.upper(), 0) for name in _STATES}
    by_result = {name: results.get(result, 0) for name, result in _RESULTS.items()}
    return {"job_states": {**by_state, "total": sum(by_state.values())}, **by_result}

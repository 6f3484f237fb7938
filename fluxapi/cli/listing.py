"""Finding jobs in the order of ``flux jobs``: pending, then running, then inactive ones."""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fluxapi.model.hostlist import decode_hostlist
from fluxapi.model.idset import IdSet
from fluxapi.model.job import GROUPS
from fluxapi.model.jobid import parse

from .arguments import RESULTS, STATES
from .exit_codes import USAGE, Failure
from .text import safe

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient, Job

__all__ = ["FoundJobs", "JobQuery", "find", "job_query", "members", "ranks_of", "service_filter"]

_PENDING, _RUNNING = (
    tuple(state.lower() for state in GROUPS[name]) for name in ("PENDING", "RUNNING")
)
_MEMBERS = {
    "pending": _PENDING,
    "running": _RUNNING,
    "active": (*_PENDING, *_RUNNING),
    **{state: (state,) for state in STATES},
    **{result: (result,) for result in RESULTS},
}
_DEFAULT = ("pending", "running")
_ALL = (*_DEFAULT, "inactive")


def members(words: Iterable[str]) -> set[str]:
    """Return the states and results that words such as ``pending`` mean, in lower case."""
    return {member for word in words for member in _MEMBERS[word]}


@dataclass(frozen=True)
class JobQuery:
    """A query for jobs: by ID, or by ``words`` (states and results) and the filter ``where``.

    ``since`` excludes jobs that became inactive earlier; ``count`` 0 is unlimited; ``past`` is the
    part of the history that is wanted, too.
    """

    ids: tuple[str, ...] = ()
    words: tuple[str, ...] = _DEFAULT
    where: dict[str, Any] = field(default_factory=dict)
    queues: tuple[str, ...] = ()
    nodes: str = ""
    since: float = 0.0
    count: int = 1000
    past: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class FoundJobs:
    """Jobs in Flux's order, whether there are more, and a sentence for each unknown ID."""

    jobs: list[Job]
    truncated: bool = False
    missing: tuple[str, ...] = ()


def job_query(arguments: argparse.Namespace) -> JobQuery:
    """Create the query from the arguments of ``fluxapi jobs``."""
    words = tuple(arguments.filter or ())
    if not words:
        past = arguments.history is not None
        implied = arguments.since is not None or arguments.group or past
        words = _ALL if arguments.everything or implied else _DEFAULT
    return JobQuery(
        ids=tuple(arguments.ids),
        words=words,
        where=service_filter(arguments)
        | ({"text": arguments.text} if arguments.text else {})
        | ({"held": True} if arguments.held else {}),
        queues=tuple(arguments.queue or ()),
        nodes=arguments.include or "",
        since=arguments.since or 0.0,
        count=arguments.count,
        past=_past(arguments.history),
    )


def _past(history: str | None) -> dict[str, Any]:
    """Return the filter that ``--history`` stands for."""
    if history is None:
        return {}
    return {"instance": history} if history else {"history": True}


def service_filter(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the filters of :func:`add_filter` that the service applies."""
    found: dict[str, Any] = {}
    if arguments.name:
        found["name"] = arguments.name
    if arguments.owner and arguments.owner != "all":
        found["user"] = arguments.owner
    if arguments.group:
        found["group"] = arguments.group
    return found


async def find(flux: AsyncClient, query: JobQuery) -> FoundJobs:
    """Return the jobs that match a query; raise ``ClientError``."""
    if query.ids:
        return await _by_id(flux, query.ids)
    wanted_members = members(query.words)
    limit = query.count + 1 if query.count else None
    takes = _node_test(query.nodes)
    jobs: list[Job] = []
    for states, order in ((_PENDING, _by_priority), (_RUNNING, _by_start)):
        wanted = [state for state in states if state in wanted_members]
        if wanted:
            some = [job async for job in _ask(flux, query, {"state": wanted}) if takes(job)]
            jobs += sorted(some, key=order)
    jobs += await _inactive(
        flux, query, wanted_members, None if limit is None else limit - len(jobs)
    )
    # A job may go on between two requests, and is listed as it was at the last one.
    latest = {job.id: job for job in jobs}
    jobs = [job for job in jobs if latest[job.id] is job]
    truncated = limit is not None and len(jobs) >= limit
    return FoundJobs(jobs[: query.count] if truncated else jobs, truncated)


async def _inactive(
    flux: AsyncClient, query: JobQuery, wanted: set[str], limit: int | None
) -> list[Job]:
    """Return inactive jobs by end time, latest first, from those submitted last."""
    results = [result for result in RESULTS if result in wanted]
    if "inactive" in wanted:
        filter: dict[str, Any] = {"state": ["inactive"]}
    elif results:
        filter = {"result": results}
    else:
        return []
    takes = _node_test(query.nodes)
    some: list[Job] = []
    if limit is not None and limit <= 0:
        return some
    async for job in _ask(flux, query, {**filter, **query.past}):
        if (job.t_inactive or 0.0) > query.since and takes(job):
            some.append(job)
            if limit is not None and len(some) >= limit:
                break
    return sorted(some, key=_by_end)


async def _by_id(flux: AsyncClient, ids: Iterable[str]) -> FoundJobs:
    from fluxapi.client import NotFound  # noqa: PLC0415 - already imported

    jobs: list[Job] = []
    missing: list[str] = []
    for jobid in ids:
        try:
            jobs.append(await flux.get(jobid))
        except NotFound as error:  # noqa: PERF203 - a request each, which takes far longer
            missing.append(str(error))
    return FoundJobs(jobs, missing=tuple(missing))


async def _ask(flux: AsyncClient, query: JobQuery, filter: dict[str, Any]) -> AsyncIterator[Job]:
    """Yield jobs queue by queue, since the service filters by one queue."""
    for queue in query.queues or (None,):
        more: dict[str, Any] = {} if queue is None else {"queue": queue}
        async for job in flux.jobs(**filter, **query.where, **more):
            yield job


def _node_test(text: str) -> Callable[[Job], bool]:
    """Return a test for jobs on some nodes, given as an idset of ranks or a hostlist."""
    if not text:
        return lambda job: True  # noqa: ARG005 - the signature of all tests
    try:
        ranks = IdSet.parse(text)
        return lambda job: not ranks.isdisjoint(ranks_of(job))
    except ValueError:
        pass
    try:
        hosts = set(decode_hostlist(text))
    except ValueError as error:
        raise Failure(f"--include {safe(str(error))}.", USAGE) from None
    return lambda job: not hosts.isdisjoint(_hosts_of(job))


def ranks_of(job: Job) -> IdSet:
    """Return the ranks of a job; none if the service does not tell them in the right form."""
    try:
        return IdSet.parse(job.ranks or "")
    except ValueError:
        return IdSet()


def _hosts_of(job: Job) -> list[str]:
    try:
        return decode_hostlist(job.nodelist or "")
    except ValueError:
        return []


def _by_priority(job: Job) -> tuple[int, int]:
    return -(job.priority or 0), parse(job.id)


def _by_start(job: Job) -> tuple[float, int]:
    return -(job.t_run or 0.0), -parse(job.id)


def _by_end(job: Job) -> tuple[float, int]:
    return -(job.t_inactive or 0.0), -parse(job.id)

"""The jobs in each queue: how many wait and run, for how long, and for which users."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from itertools import islice
from statistics import median

from fluxapi.model.job import GROUPS, Job
from fluxapi.process.timeslice import TimeSlice
from fluxapi.table.job_lists import descending, slices
from fluxapi.table.table import Table

from .sorted_pieces import SortedPieces

__all__ = [
    "QueueLoad",
    "first_in_line",
    "first_of_others",
    "is_estimated",
    "is_held",
    "order_of",
    "read_loads",
]

_MAX_QUEUES = 1000
_ID_BITS = 64

_MAX_LINE_JOBS = 2000
"""Waiting jobs among which the first of each queue is searched, every two seconds."""

_RECENT_S = 86_400.0
_MAX_RECENT_JOBS = 5000
"""Newest jobs among which those that started recently are searched."""


@dataclass(slots=True)
class QueueLoad:
    """The active jobs of one queue.

    Attributes:
        pending: Jobs that have not started, for any reason, by user ID.
        running: Jobs that run.
        submits: The submission times of the jobs that wait for resources. A held job, and one with
            a dependency, waits for something else.
        middle: The median of these times, or ``None`` if there is none.
        line: A number for each of these jobs, in the order in which Flux offers them to its
            scheduler: by priority, then by ID.
        recent_waits: How long jobs that started in the last day had waited for resources.
        has_estimates: True if the scheduler has estimated when one of them starts.
    """

    pending: Counter[int] = field(default_factory=Counter)
    running: int = 0
    submits: SortedPieces[float] = field(default_factory=SortedPieces)
    middle: float | None = None
    line: SortedPieces[int] = field(default_factory=SortedPieces)
    has_estimates: bool = False
    recent_waits: list[float] = field(default_factory=list)

    @property
    def oldest(self) -> float | None:
        """Return the submission time of the job that has waited longest, or ``None``."""
        return self.submits.least

    def median_wait(self, now: float) -> float | None:
        """Return the median of the times that jobs have waited since submission, or ``None``."""
        return None if self.middle is None else max(now - self.middle, 0.0)

    @property
    def recent_median(self) -> float | None:
        """Return the median of the recent waits, or ``None``."""
        return median(self.recent_waits) if self.recent_waits else None

    def place(self, job: Job) -> int:
        """Return the place of a job that waits for resources, from 1."""
        return self.line.below(order_of(job)) + 1


async def read_loads(table: Table, now: float) -> dict[str, QueueLoad]:
    """Return the load of each queue with active or recent jobs, of at most 1000 queues."""
    turn = TimeSlice()
    found: dict[str, QueueLoad] = {}
    for state in GROUPS["ACTIVE"]:
        for ids in slices(table.index.state, state):
            for jobid in ids:
                await turn.share()
                job = table.get(jobid)
                if job is not None:
                    _count(found, job)
    for jobid in list(islice(descending(table.index.all, None), _MAX_RECENT_JOBS)):
        await turn.share()
        job = table.get(jobid)
        if job is not None and job.t_run > now - _RECENT_S:
            load = _load(found, job.queue)
            if load is not None:
                # A held job, and one with a dependency, has waited for something else before.
                since = job.t_sched or job.t_submit
                load.recent_waits.append(max(job.t_run - since, 0.0))
    for load in found.values():
        await turn.share()
        load.submits.settle()
        load.line.settle()
        load.middle = await load.submits.median()
    return found


def first_in_line(table: Table) -> dict[str, int]:
    """Return the first of the jobs of each queue that wait for resources, unless many wait."""
    waiting = table.index.state.get("SCHED", ())
    found: dict[str, Job] = {}
    if len(waiting) > _MAX_LINE_JOBS:
        return {}
    for jobid in waiting:
        job = table.get(jobid)
        if job is None or is_held(job):
            continue
        first = found.get(job.queue)
        if first is None or order_of(job) < order_of(first):
            found[job.queue] = job
    return {queue: job.id for queue, job in found.items()}


def first_of_others(
    table: Table, firsts: Mapping[str, int], started: Container[str]
) -> dict[str, int]:
    """Return the first job of all started queues, for each queue whose own first comes after it.

    The scheduler of flux-core has one line for all queues.
    """
    jobs = [table.get(jobid) for queue, jobid in firsts.items() if queue in started]
    first = min((job for job in jobs if job is not None), key=order_of, default=None)
    return {} if first is None else {name: first.id for name in firsts if name != first.queue}


def _load(found: dict[str, QueueLoad], queue: str) -> QueueLoad | None:
    """Return the load of a queue, or ``None`` if there are too many."""
    if queue not in found and len(found) < _MAX_QUEUES:
        found[queue] = QueueLoad()
    return found.get(queue)


def _count(found: dict[str, QueueLoad], job: Job) -> None:
    load = _load(found, job.queue)
    if load is None:
        return
    if job.state in GROUPS["RUNNING"]:
        load.running += 1
        return
    load.pending[job.userid] += 1
    if job.state == "SCHED" and not is_held(job):
        load.submits.add(job.t_submit)
        load.line.add(order_of(job))
        load.has_estimates = load.has_estimates or is_estimated(job)


def order_of(job: Job) -> int:
    """Return a number that is less for a job that the scheduler is offered earlier."""
    return (-job.priority << _ID_BITS) + job.id


def is_estimated(job: Job) -> bool:
    """Return whether the scheduler has estimated when a job starts."""
    sched = job.annotations and job.annotations.get("sched")
    return isinstance(sched, Mapping) and "t_estimate" in sched


def is_held(job: Job) -> bool:
    """Return whether a pending job does not start because of its urgency or priority."""
    return job.urgency == 0 or (job.has_priority and job.priority == 0)

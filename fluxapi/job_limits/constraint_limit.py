"""The limit of constraints that Flux's scheduler evaluates while many other jobs are active.

The scheduler of Flux 0.88 estimates when the next jobs will start (flux-core, sched-fifo.py): it
ends the running jobs one after the other, and evaluates the constraint of a job that waits after
each. Nothing else is scheduled meanwhile.

A job that is held, or waits for others, is in nobody's way until hundreds of jobs run that were
submitted later. So at least as many count as may run at the same time.
"""

from __future__ import annotations

from fluxapi.errors import FluxapiError, JobLimitReached, JobUnsuitable
from fluxapi.model.job import GROUPS
from fluxapi.model.submission import Submission
from fluxapi.table.table import Table

from .limit import JobLimit

__all__ = ["MAX_FORECAST_S", "ConstraintLimit"]

MAX_FORECAST_S = 4.0
"""Limit of the time of a constraint for all active jobs; an estimate takes about half of it."""

_JOBS_PER_NODE, _MOST_JOBS = 128, 1000
"""Jobs that may run on a node at the same time, and those of an instance that count in any case."""


class ConstraintLimit(JobLimit):
    """A limit of constraints that are evaluated for too long with the active jobs.

    *nodes* is the number of nodes of the instance.
    """

    def __init__(self, table: Table, nodes: int = 1) -> None:
        self._table = table
        self._nodes = nodes
        self._under_way = 0

    def concerns(self, submission: Submission) -> bool:
        """Return whether the constraint of a job is long."""
        return submission.evaluation_s > 0

    def refusal(self, submission: Submission) -> FluxapiError | None:
        """Return the error of a job if its constraint takes too long."""
        states = self._table.index.state
        active = sum(len(states.get(state, ())) for state in GROUPS["ACTIVE"])
        active += self._under_way + 1
        possible = min(_JOBS_PER_NODE * self._nodes, _MOST_JOBS)
        if submission.evaluation_s * max(active, possible) <= MAX_FORECAST_S:
            return None
        shorter = "with fewer operators, hosts and ranks"
        if submission.evaluation_s * possible <= MAX_FORECAST_S:
            return JobLimitReached(
                f"The constraint is too long while {active} jobs are active. Submit this job "
                f"later, or {shorter}."
            )
        return JobUnsuitable(
            f"The constraint is too long for the jobs that may run on {self._nodes} nodes. Submit "
            f"this job {shorter}."
        )

    def add(self, submission: Submission) -> None:
        """Count a job that is active soon."""
        del submission
        self._under_way += 1

    def settle(self, submission: Submission, jobid: int | None) -> None:
        """Count a job no more, since the table has it."""
        del submission, jobid
        self._under_way -= 1

    def empty(self) -> ConstraintLimit:
        """Return the limit without jobs that are being submitted."""
        return ConstraintLimit(self._table, self._nodes)

"""The limit of constraints that Flux's scheduler evaluates while many other jobs are active.

The scheduler of Flux 0.88 estimates when the next jobs will start (flux-core, sched-fifo.py): it
ends the running jobs one after the other, and evaluates the constraint of a job that waits after
each. Nothing else is scheduled meanwhile.

A job that is held, or waits for others, is in nobody's way until hundreds of jobs run that were
submitted later. So at least as many count as may run at the same time.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence

from fluxapi.errors import FluxapiError, FluxRefused
from fluxapi.model.job import GROUPS
from fluxapi.model.submission import Submission
from fluxapi.table.table import Table

__all__ = ["MAX_FORECAST_S", "ForecastLimit"]

MAX_FORECAST_S = 4.0
"""Limit of the time of a constraint for all active jobs; an estimate takes about half of it."""

_JOBS_PER_NODE, _MOST_JOBS = 128, 1000
"""Jobs that may run on a node at the same time, and those of an instance that count in any case."""


class ForecastLimit:
    """Refuses jobs whose constraints would be evaluated for too long with the jobs of a table.

    *nodes* is the number of nodes of the instance.
    """

    def __init__(self, table: Table, nodes: int = 1) -> None:
        self._table = table
        self._nodes = nodes

    def refuse(self, submissions: Sequence[Submission]) -> dict[int, FluxapiError]:
        """Return the errors of the jobs that are refused, by their places."""
        if not any(one.evaluation_s for one in submissions):
            return {}
        states = self._table.index.state
        active = sum(len(states.get(state, ())) for state in GROUPS["ACTIVE"]) + len(submissions)
        possible = min(_JOBS_PER_NODE * self._nodes, _MOST_JOBS)
        return {
            place: self._refusal(active, later=one.evaluation_s * possible <= MAX_FORECAST_S)
            for place, one in enumerate(submissions)
            if one.evaluation_s * max(active, possible) > MAX_FORECAST_S
        }

    def _refusal(self, active: int, *, later: bool) -> FluxRefused:
        if later:
            words = f"while {active} jobs are active; submit this job later, or"
        else:
            words = f"for the jobs that may run on {self._nodes} nodes; submit this job"
        words = f"the constraint is too long {words} with fewer operators, hosts and ranks"
        return FluxRefused(words, errno=errno.ENOSPC)

"""The limit of constraints that Flux's scheduler evaluates while many other jobs are active.

The scheduler of Flux 0.88 estimates when the next jobs will start (flux-core, sched-fifo.py): it
ends the running jobs one after the other, and evaluates the constraint of a job that waits after
each. Nothing else is scheduled meanwhile.
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


class ForecastLimit:
    """Refuses jobs whose constraints would be evaluated for too long with the jobs of a table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def refuse(self, submissions: Sequence[Submission]) -> dict[int, FluxapiError]:
        """Return the errors of the jobs that are refused, by their places."""
        if not any(one.evaluation_s for one in submissions):
            return {}
        states = self._table.index.state
        active = sum(len(states.get(state, ())) for state in GROUPS["ACTIVE"]) + len(submissions)
        return {
            place: _refusal(active)
            for place, one in enumerate(submissions)
            if one.evaluation_s * active > MAX_FORECAST_S
        }


def _refusal(active: int) -> FluxRefused:
    words = (
        f"the constraint is too long while {active} jobs are active; submit this job later, or "
        "with fewer operators, hosts and ranks"
    )
    return FluxRefused(words, errno=errno.ENOSPC)

"""The limit of the jobs that wait for about the same begin time.

Flux releases all jobs whose begin time has come before it answers anybody, and not in the order of
their submission. It looks for the place of each in its queue, from the last job on (flux-core,
job-manager/job.c), so the time grows with the square of their number: 3 s for 10,000, and 12 s for
20,000.
"""

from __future__ import annotations

import errno
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from fluxapi.errors import FluxapiError, FluxRefused
from fluxapi.model.after import read_begin
from fluxapi.model.submission import Submission
from fluxapi.process.timeslice import TimeSlice
from fluxapi.table.table import Table

__all__ = ["MAX_TOGETHER", "BeginLimit"]

MAX_TOGETHER = 12_000
"""Limit of the jobs that begin within the same seconds."""

_STEP_S = 10
"""Time in which jobs count as ones that begin together, also with those of the steps beside it."""

_MIN_KEPT = 10_000
"""Steps that are kept; beyond these, the jobs are counted again."""


class BeginLimit:
    """Counts the jobs of a table that wait for a begin time, and those that are being submitted.

    *now* returns the time.
    """

    def __init__(self, table: Table, now: Callable[[], float] = time.time) -> None:
        self._table = table
        self._now = now
        self._counts: Counter[int] = Counter()
        self._under_way: dict[int, Counter[int]] = {}
        self._most_steps = 0

    @asynccontextmanager
    async def admit(
        self, submissions: Sequence[Submission]
    ) -> AsyncIterator[dict[int, FluxapiError]]:
        """Yield the errors of the jobs that begin together with too many, by their places.

        The others count until the context is left; the table should have them then.
        """
        refused: dict[int, FluxapiError] = {}
        now = self._now()
        steps = {
            place: _step(one.begin) for place, one in enumerate(submissions) if one.begin > now
        }
        if not steps:
            yield refused
            return
        taken: Counter[int] = Counter()
        self._under_way[id(taken)] = taken
        try:
            if len(self._counts) >= self._most_steps:
                await self._count()
            is_recent = False
            turn = TimeSlice()
            for place, step in steps.items():
                await turn.share()
                if self._is_full(step) and not is_recent:
                    await self._count()
                    is_recent = True
                if self._is_full(step):
                    refused[place] = _refusal()
                else:
                    self._counts[step] += 1
                    taken[step] += 1
            yield refused
        finally:
            del self._under_way[id(taken)]

    def _is_full(self, step: int) -> bool:
        return sum(self._counts[one] for one in (step - 1, step, step + 1)) >= MAX_TOGETHER

    async def _count(self) -> None:
        """Count the jobs of the table; those that were canceled count no more."""
        counts: Counter[int] = Counter()
        turn = TimeSlice()
        for job in map(self._table.get, list(self._table.index.state.get("DEPEND", ()))):
            await turn.share()
            if job is not None and (begin := read_begin(job.dependencies)):
                counts[_step(begin)] += 1
        for taken in self._under_way.values():
            counts.update(taken)
        self._counts = counts
        self._most_steps = max(_MIN_KEPT, 2 * len(counts))


def _step(begin: float) -> int:
    return int(begin // _STEP_S)


def _refusal() -> FluxRefused:
    words = (
        f"about {MAX_TOGETHER} jobs begin in the same seconds as this one; "
        "let it begin a minute earlier or later"
    )
    return FluxRefused(words, errno=errno.ENOSPC)

"""The limits together: which jobs of a request are sent to Flux, and which are refused."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import repeat

from fluxapi.errors import FluxapiError
from fluxapi.model.submission import Submission
from fluxapi.process.joined_call import JoinedCall
from fluxapi.process.timeslice import TimeSlice
from fluxapi.table.table import Table

from .begin_limit import BeginLimit
from .chain_limit import ChainLimit
from .constraint_limit import ConstraintLimit
from .dependency_limit import DependencyLimit
from .limit import JobLimit
from .memory_limit import MemoryLimit
from .singleton_limit import SingletonLimit

__all__ = ["JobLimits", "Results", "usual_limits"]

_UNCOUNTED = 100
"""Jobs by which the counts may be wrong, so that those that come and go cause no other count."""

_PAUSE_S = 1e-4
"""Seconds after a count until the next one, for each of its steps: a tenth of the time of the event
loop at most.
"""

_SETTLED_AT_ONCE = 1000
"""Jobs that are settled before the time is shared: a millisecond."""

Results = list[int | FluxapiError]
"""The ID or the error of each job, in order."""


def usual_limits(table: Table, nodes: int) -> tuple[JobLimit, ...]:
    """Return all limits for an instance of so many nodes."""
    return (
        DependencyLimit(),
        SingletonLimit(),
        ChainLimit(table),
        BeginLimit(),
        ConstraintLimit(table, nodes),
        MemoryLimit(table),
    )


@dataclass
class _Request:
    """The jobs of a request that are being submitted, and the places of the limits that count.

    The first *settled* ones are submitted, or cannot be.
    """

    concerned: Sequence[int]
    taken: list[Submission] = field(default_factory=list)
    settled: int = 0


class JobLimits:
    """Refuses the jobs of requests that exceed a limit; the other jobs of a request are sent."""

    def __init__(self, table: Table, limits: Iterable[JobLimit]) -> None:
        self._table = table
        self._limits = tuple(limits)
        self._fresh: tuple[JobLimit, ...] = ()
        """The limits for which all jobs are being counted anew."""
        # All clients wait for a count, so it has no turns of one of them.
        self._count = JoinedCall(self._count_anew)
        self._counted = 0
        """Jobs that waited when they were counted."""
        self._changed = 0
        """Jobs that were counted since, or are no more under way."""
        self._next_count = 0.0
        self._under_way: dict[int, _Request] = {}

    async def submit(
        self,
        submissions: Sequence[Submission],
        send: Callable[[Sequence[Submission]], Awaitable[Results]],
    ) -> Results:
        """Return the results of *send* for the jobs that it is given, and the errors of others.

        The jobs count until *send* has returned; the table should have them then.
        """
        concerned = await self._concerned(submissions)
        if not concerned:
            return await send(submissions)
        request = _Request(concerned)
        self._under_way[id(request)] = request
        try:
            refused = await self._admit(submissions, request)
            answers = await send(request.taken) if request.taken else []
            await self._settle(request, answers, TimeSlice().share)
        finally:
            try:
                # The client may have left, so time is not shared in its name.
                await self._settle(request, repeat(None), partial(asyncio.sleep, 0))
            finally:
                del self._under_way[id(request)]
        given = iter(answers)
        return [refused.get(place) or next(given) for place in range(len(submissions))]

    async def _concerned(self, submissions: Sequence[Submission]) -> list[int]:
        """Return the places of the limits that concern any of the jobs."""
        others = list(range(len(self._limits)))
        turn = TimeSlice()
        for one in submissions:
            await turn.share()
            for place in others:
                if self._limits[place].concerns(one):
                    others = [it for it in others if it != place]
            if not others:
                break
        return [place for place in range(len(self._limits)) if place not in others]

    async def _admit(
        self, submissions: Sequence[Submission], request: _Request
    ) -> dict[int, FluxapiError]:
        """Count the jobs that may be sent as taken; return the errors of the others."""
        refused: dict[int, FluxapiError] = {}
        waiting = len(self._table.index.state.get("DEPEND", ()))
        change = max(abs(waiting - self._counted), self._changed)
        if change > max(waiting // 10, _UNCOUNTED):
            await self._count.get()
        is_recent = False
        errors: dict[str, FluxapiError] = {}
        turn = TimeSlice()
        for place, one in enumerate(submissions):
            await turn.share()
            error = self._refusal(one, request.concerned)
            if error is not None and not is_recent:
                is_recent = True
                await self._count.get()
                error = self._refusal(one, request.concerned)
            if error is not None:
                # One error for all jobs, since a hundred thousand would take much memory.
                refused[place] = errors.setdefault(error.detail, error)
                continue
            for limit in self._counted_by(request):
                limit.add(one)
            request.taken.append(one)
            self._changed += 1
        return refused

    def _refusal(self, one: Submission, concerned: Sequence[int]) -> FluxapiError | None:
        for place in concerned:
            limit = self._limits[place]
            if limit.concerns(one) and (error := limit.refusal(one)) is not None:
                return error
        return None

    async def _settle(
        self,
        request: _Request,
        answers: Iterable[object],
        share: Callable[[], Awaitable[object]],
    ) -> None:
        """Settle the jobs that are not settled yet, and share the time now and then."""
        left = request.taken[request.settled :]
        for one, answer in zip(left, answers, strict=False):
            jobid = answer if isinstance(answer, int) else None
            for limit in self._counted_by(request):
                limit.settle(one, jobid)
            request.settled += 1
            self._changed += 1
            if request.settled % _SETTLED_AT_ONCE == 0:
                await share()

    def _counted_by(self, request: _Request) -> Iterator[JobLimit]:
        """Yield the limits that count the jobs of a request."""
        for limits in filter(None, (self._limits, self._fresh)):
            for place in request.concerned:
                yield limits[place]

    async def aclose(self) -> None:
        """Cancel the count that is under way."""
        await self._count.aclose()

    async def _count_anew(self) -> None:
        """Count all jobs anew, unless that was done recently."""
        if time.monotonic() < self._next_count:
            return
        self._fresh = tuple(limit.empty() for limit in self._limits)
        try:
            steps = await self._count_all(self._fresh)
            self._limits = self._fresh
        finally:
            self._fresh = ()
        self._next_count = time.monotonic() + _PAUSE_S * steps

    async def _count_all(self, limits: Sequence[JobLimit]) -> int:
        """Return the steps that it took."""
        changed = self._changed
        under_way = [
            (request.concerned, request.taken[request.settled :])
            for request in self._under_way.values()
        ]
        # In ascending order, a job comes after those that it waits for.
        waiting = sorted(self._table.index.state.get("DEPEND", ()))
        turn = TimeSlice()
        for job in map(self._table.get, waiting):
            await turn.share()
            if job is not None and job.state == "DEPEND":
                for limit in limits:
                    limit.count(job)
        steps = len(waiting)
        for concerned, taken in under_way:
            steps += len(taken)
            for one in taken:
                await turn.share()
                for place in concerned:
                    limits[place].add(one)
        for limit in limits:
            for _ in limit.recount():
                steps += 1
                await turn.share()
        self._counted, self._changed = len(waiting), self._changed - changed
        return steps

"""The times at which jobs were submitted, and the IDs that jobs of such times have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil, floor, inf

from fluxapi.model.job import Job
from fluxapi.model.jobid import MAX

__all__ = ["SubmitTimes", "Submitted"]

_ID_TIME_BITS = 24
"""The bits of a job ID below its milliseconds (RFC 19)."""

_MAX_MS = 1 << 40

_ROUNDING_S = 0.001


class SubmitTimes:
    """The range of the times at which an instance began to count, as its jobs show it.

    A job ID starts with the milliseconds since that time, so a range of submission times is about a
    range of IDs. The brokers of an instance have different clocks, and an instance that was stopped
    continues to count where it was. So the range is that of all jobs that the table has ever had.
    """

    __slots__ = ("_first", "_last")

    def __init__(self) -> None:
        self._first = inf
        self._last = -inf

    def add(self, jobid: int, time: float) -> None:
        """Note when a job was submitted."""
        began = time - (jobid >> _ID_TIME_BITS) / 1000
        if not self._first <= began <= self._last:
            self._first, self._last = min(self._first, began), max(self._last, began)

    def all_since(self, time: float) -> int:
        """Return an ID from which on all jobs were submitted at *time* or later."""
        return _first_id(ceil, time - self._first + _ROUNDING_S)

    def all_before(self, time: float) -> int:
        """Return an ID below which all jobs were submitted before *time*."""
        return _first_id(floor, time - self._last - _ROUNDING_S)


class Submitted:
    """The jobs that were submitted at some times.

    All have an ID from ``lowest`` on and below ``end``, so a walk can leave out all others.
    """

    __slots__ = ("_all_before", "_all_since", "_jobs", "_since", "_until", "end", "lowest")

    def __init__(
        self,
        times: SubmitTimes,
        jobs: Mapping[int, Job],
        since: float | None,
        until: float | None,
    ) -> None:
        self._jobs, self._since, self._until = jobs, since, until
        self.lowest = self._all_since = 0
        self.end = self._all_before = MAX + 1
        if since is not None:
            self.lowest, self._all_since = times.all_before(since), times.all_since(since)
        if until is not None:
            self._all_before, self.end = times.all_before(until), times.all_since(until)

    def below(self, after: int | None) -> int | None:
        """Return the ID below which a walk begins that would begin below *after*."""
        if self._until is None:
            return after
        return self.end if after is None else min(after, self.end)

    def select(self, jobids: list[int]) -> list[int]:
        """Return those of *jobids*, which descend; most lists need no test of each job."""
        if not jobids or (self._all_since <= jobids[-1] and jobids[0] < self._all_before):
            return jobids
        jobs, since = self._jobs, -inf if self._since is None else self._since
        until = inf if self._until is None else self._until
        return [jobid for jobid in jobids if since <= jobs[jobid].t_submit < until]


def _first_id(rounded: Callable[[float], int], seconds: float) -> int:
    """Return the lowest ID that is given *seconds* after the instance has begun to count."""
    return rounded(min(max(seconds * 1000, 0), _MAX_MS)) << _ID_TIME_BITS

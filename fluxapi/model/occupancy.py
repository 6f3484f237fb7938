"""The cores that jobs had in each step of a time, from when they ran."""

from __future__ import annotations

import math

__all__ = ["Occupancy"]


class Occupancy:
    """The average number of cores in use in steps of equal length.

    Adding a job takes the same time for any number of steps.

    Args:
        begin: When the first step begins, in seconds since the epoch.
        step: Seconds of a step.
        until: The end of the time that is looked at, in the last step.
    """

    def __init__(self, begin: float, step: float, until: float) -> None:
        self._begin = begin
        self._step = step
        self._until = until
        self._count = max(math.ceil((until - begin) / step), 1)
        self._parts = [0.0] * self._count
        self._changes = [0.0] * (self._count + 1)
        """The change of the cores that are in use during a whole step, from a step on."""

    def add(self, begin: float, end: float, cores: float) -> None:
        """Add a job that had *cores* from *begin* to *end*."""
        begin, end = max(begin, self._begin), min(end, self._until)
        if begin >= end:
            return
        first = self._index(begin)
        last = self._index(end)
        if first == last:
            self._parts[first] += cores * (end - begin)
            return
        self._parts[first] += cores * (self._start(first + 1) - begin)
        self._parts[last] += cores * (end - self._start(last))
        self._changes[first + 1] += cores
        self._changes[last] -= cores

    def averages(self) -> list[tuple[float, float]]:
        """Return the begin of each step, and the cores in use in it on average."""
        found = []
        whole = 0.0
        for index, part in enumerate(self._parts):
            whole += self._changes[index]
            begin = self._start(index)
            seconds = min(self._start(index + 1), self._until) - begin
            found.append((begin, (part + whole * self._step) / seconds if seconds > 0 else 0.0))
        return found

    def _index(self, time: float) -> int:
        return min(int((time - self._begin) / self._step), self._count - 1)

    def _start(self, index: int) -> float:
        return self._begin + index * self._step

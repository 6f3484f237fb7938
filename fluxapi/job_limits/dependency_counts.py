"""Counts of dependencies, and of the steps in which Flux finds them if all their jobs end."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

__all__ = ["DependencyCounts", "Targets"]

Targets = tuple[int, ...]
"""The IDs of the jobs that a job waits for, in ascending order."""

_CROWD = 5
"""Jobs that wait for the same jobs up to which the end of these takes little."""


class _Crowd(NamedTuple):
    """Jobs that Flux releases in the order of their submission, and their dependencies."""

    jobs: int
    dependencies: int


_NOBODY = _Crowd(0, 0)


class DependencyCounts:
    """The dependencies of jobs: in all, for each target, and of those that are released together.

    Jobs that wait for the same jobs form a crowd. Each of its members is released as the first one
    of the list, but for the dependencies of other crowds. A job with targets that it shares with
    few belongs to the largest crowd of one of them.

    Attributes:
        all: The number of dependencies.
    """

    def __init__(self) -> None:
        self.all = 0
        self._targets: Counter[int] = Counter()
        self._alike: Counter[Targets] = Counter()
        self._crowds: dict[Targets, _Crowd] = {}
        self._crowded = 0
        self._squares = 0

    def add(self, targets: Targets, dependencies: int) -> None:
        """Count a job that waits for these targets, with so many dependencies."""
        self.all += dependencies
        if not targets:
            return
        for target in targets:
            self._targets[target] += dependencies
        key, before, after = self._joined(targets, dependencies)
        self._crowded += _counted(after) - _counted(before)
        self._squares += _counted(after) ** 2 - _counted(before) ** 2
        self._crowds[key] = after
        self._alike[targets] += 1

    def most_others(self, targets: Targets) -> int:
        """Return how many dependencies jobs have that do not wait for one of the targets."""
        return self.all - min((self._targets[target] for target in targets), default=self.all)

    def steps_with(self, targets: Targets, dependencies: int) -> int:
        """Return the steps if all targets end, and one job more waits."""
        _, before, after = self._joined(targets, dependencies)
        crowded = self._crowded + _counted(after) - _counted(before)
        squares = self._squares + _counted(after) ** 2 - _counted(before) ** 2
        # Those of each crowd are looked for among those of the crowds that have not ended yet.
        among = (crowded * crowded - squares) // 2
        return among + crowded * max(self.all + dependencies - crowded, 0)

    def _joined(self, targets: Targets, dependencies: int) -> tuple[Targets, _Crowd, _Crowd]:
        """Return the crowd of a job with these targets, before and after it joins."""
        key = targets
        if len(targets) > 1 and self._alike[targets] < _CROWD:
            key = (max(targets, key=self._size),)
        before = self._crowds.get(key, _NOBODY)
        return key, before, _Crowd(before.jobs + 1, before.dependencies + dependencies)

    def _size(self, target: int) -> int:
        return self._crowds.get((target,), _NOBODY).jobs


def _counted(crowd: _Crowd) -> int:
    return crowd.dependencies if crowd.jobs > _CROWD else 0

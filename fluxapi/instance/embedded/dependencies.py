"""Dependencies on other jobs and on time (RFC 26), as in Flux's built-in plugins.

The rules are those of ``src/modules/job-manager/plugins/dependency-after.c`` and ``begin-time.c``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fluxapi.errors import FluxRefused
from fluxapi.model.jobid import parse

from .job import Outcome

__all__ = ["After", "BeginTime", "Dependencies", "parse_dependency"]

_AFTER = {
    "after": "after-start",
    "afterstart": "after-start",
    "afterany": "after-finish",
    "afterok": "after-success",
    "afternotok": "after-failure",
    "afterexcept": "after-except",
}


@dataclass(frozen=True, slots=True)
class After:
    """A dependency on job ``target``; ``kind`` is Flux's word for it in the eventlog."""

    scheme: str
    kind: str
    target: int
    value: str

    @property
    def description(self) -> str:
        """As in the events dependency-add and dependency-remove."""
        return f"{self.kind}={self.value}"

    def met(self, outcome: Outcome) -> bool:  # noqa: PLR0911 - a table of cases
        """Return whether the target's current outcome satisfies the dependency."""
        if self.kind == "after-start":
            return outcome.started
        if not outcome.inactive:
            return False
        if self.kind == "after-finish":
            return True
        if not outcome.allocated:
            return False
        if self.kind == "after-success":
            return outcome.completed
        if self.kind == "after-failure":
            return not outcome.completed
        return outcome.excepted

    def refusal(self, outcome: Outcome) -> str:
        """Return why an inactive target can never satisfy the dependency, at submission."""
        if not outcome.allocated or self.kind == "after-start":
            return f"dependency: after: {self.value} never started"
        if self.kind == "after-success":
            return f"dependency: afterok: job {self.value} failed or was canceled"
        if self.kind == "after-failure":
            return f"dependency: afternotok: job {self.value} succeeded"
        return f"dependency: afterexcept: job {self.value}: no exception"


@dataclass(frozen=True, slots=True)
class BeginTime:
    """A dependency on the time ``moment``, in seconds since the epoch."""

    moment: float

    @property
    def description(self) -> str:
        """As in the events dependency-add and dependency-remove."""
        return f"begin-time={self.moment:.3f}"


def parse_dependency(scheme: str, value: str) -> After | BeginTime:
    """Parse one dependency of a jobspec; raise ``FluxRefused``."""
    if scheme == "begin-time":
        try:
            moment = float(value)
        except ValueError:
            moment = math.nan
        if not (math.isfinite(moment) and moment >= 0):
            raise FluxRefused(f"Invalid begin-time={value}")
        return BeginTime(moment)
    if scheme not in _AFTER:
        raise FluxRefused(f'dependency scheme "{scheme}" not supported')
    try:
        target = parse(value)
    except ValueError:
        raise FluxRefused(f'dependency: {scheme}: "{value}" is not a valid jobid') from None
    return After(scheme, _AFTER[scheme], target, value)


class Dependencies:
    """The jobs that wait for others. ``remove`` and ``fail`` act on a waiting job: (ID, text).

    Very many jobs may wait for one, so what follows from a change of it is done in steps.
    """

    def __init__(
        self, remove: Callable[[int, str], None], fail: Callable[[int, str], None]
    ) -> None:
        self._remove = remove
        self._fail = fail
        self._waiting: dict[int, dict[int, list[After]]] = {}

    def wait(self, jobid: int, after: After) -> None:
        """Add a dependency of job *jobid* on the target of *after*."""
        self._waiting.setdefault(after.target, {}).setdefault(jobid, []).append(after)

    def forget(self, jobid: int, target: int) -> None:
        """Remove the dependency of job *jobid* on *target*."""
        waiting = self._waiting.get(target)
        if waiting is not None:
            waiting.pop(jobid, None)
            if not waiting:
                del self._waiting[target]

    def started(self, target: int) -> Iterator[None]:
        """Update the dependents of a job that started, one in each step."""
        for jobid, afters in list(self._waiting.get(target, {}).items()):
            for after in afters:
                if after.kind == "after-start":
                    self._drop(jobid, after)
                    self._remove(jobid, after.description)
            yield

    def ended(self, target: int, outcome: Outcome) -> Iterator[None]:
        """Release or fail the dependents of a job that became inactive, one in each step."""
        why = "can never be satisfied" if outcome.allocated else "job never started"
        waiting = self._waiting.pop(target, {})
        for jobid, afters in waiting.items():
            for after in afters:
                if after.met(outcome):
                    self._remove(jobid, after.description)
            yield
        for jobid, afters in waiting.items():
            for after in afters:
                if not after.met(outcome):
                    self._fail(jobid, f"dependency {after.description} {why}")
            yield

    def _drop(self, jobid: int, after: After) -> None:
        waiting = self._waiting.get(after.target, {})
        left = [one for one in waiting.get(jobid, ()) if one is not after]
        if left:
            waiting[jobid] = left
        else:
            self.forget(jobid, after.target)

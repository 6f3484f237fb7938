"""Thousands of jobs that wait for one: its end, and theirs, hold up nobody."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from fluxapi.instance.embedded.dependencies import After, Dependencies
from fluxapi.instance.embedded.job import Outcome
from fluxapi.instance.embedded.lifecycle import Lifecycle

MANY = 1000
NEVER_RAN = Outcome(inactive=True, allocated=False, started=False, completed=False, excepted=False)


class Waiting:
    """Jobs that wait for job 1."""

    def __init__(self, scheme: str, kind: str) -> None:
        self.updated: list[int] = []
        self.all = Dependencies(self._note, self._note)
        for jobid in range(2, MANY + 2):
            self.all.wait(jobid, After(scheme, kind, 1, "f1"))

    def _note(self, jobid: int, _: str) -> None:
        self.updated.append(jobid)


def test_one_is_updated_in_each_step() -> None:
    for waiting, steps in (
        (failing := Waiting("afterok", "after-success"), failing.all.ended(1, NEVER_RAN)),
        (released := Waiting("afterany", "after-finish"), released.all.ended(1, NEVER_RAN)),
        (begun := Waiting("afterstart", "after-start"), begun.all.started(1)),
    ):
        seen = [len(waiting.updated) for _ in steps]
        assert max(after - before for before, after in zip([0, *seen], seen, strict=False)) == 1
        assert waiting.updated == list(range(2, MANY + 2))
        assert not waiting.all._waiting


def test_one_that_leaves_is_not_looked_for_among_the_others() -> None:
    class Counted(int):
        compared = 0

        def __eq__(self, other: object) -> bool:
            Counted.compared += 1
            return int(self) == other

        __hash__ = int.__hash__

        def __ne__(self, other: object) -> bool:
            return not self == other

    waiting = Dependencies(lambda *_: None, lambda *_: None)
    ids = [Counted(jobid) for jobid in range(2, MANY + 2)]
    for jobid in ids:
        waiting.wait(jobid, After("afterok", "after-success", 1, "f1"))
    for jobid in reversed(ids):
        waiting.forget(jobid, 1)
    assert Counted.compared <= MANY
    assert not waiting._waiting


async def test_other_tasks_run_between_the_steps_and_an_error_ends_one_job_only() -> None:
    life: Any = _Resolving()
    done: list[int] = []

    def steps() -> Any:
        for number in range(MANY):
            done.append(number)
            yield

    def broken() -> Any:
        yield
        raise RuntimeError("broken")

    errors: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
    life.update_dependents(broken())
    life.update_dependents(steps())
    passes = 0
    while len(done) < MANY:
        await asyncio.sleep(0)
        passes += 1
        assert passes < MANY
    assert passes > MANY // 100
    assert len(errors) == 1


class _Resolving:
    """The part of the instance that updates dependents."""

    update_dependents = Lifecycle.update_dependents
    _resolve = Lifecycle._resolve

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._due: deque[Any] = deque()

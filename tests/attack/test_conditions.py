"""Many webhooks that want to know of queues and nodes, of which there are many, too."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fluxapi.process.timeslice import TimeSlice
from fluxapi.webhooks import condition_watch
from fluxapi.webhooks.port import Changeset

NODE = {"rank": 0, "name": "node0", "drained_at": 1.0, "reason": "bad disk"}
QUEUE = {"name": "batch", "started": False}


class Passes:
    """Counts the passes of the event loop, and notes in which a filter was asked."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self._count = 0
        self._is_over = False
        self._step()

    def end(self) -> None:
        self._is_over = True

    def _step(self) -> None:
        self._count += 1
        if not self._is_over:
            asyncio.get_running_loop().call_soon(self._step)

    def takes(self, _name: str) -> bool:
        self.asked.append(self._count)
        return False


@pytest.mark.parametrize("look", ["_look_at_nodes", "_look_at_queues"])
async def test_other_tasks_run_between_two_webhooks(
    look: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(condition_watch, "TimeSlice", lambda: TimeSlice(0))
    passes = Passes()
    matcher = SimpleNamespace(takes_node=passes.takes, takes_queue=passes.takes)
    hooks = [SimpleNamespace(id=name, matcher=matcher, states=set()) for name in "abcd"]
    removed = hooks[-1]
    session = SimpleNamespace(
        hub=SimpleNamespace(stats=SimpleNamespace(queues=[QUEUE])),
        observer=SimpleNamespace(drained_nodes=[NODE]),
    )
    outbox = SimpleNamespace(instance="i", changes=Changeset(), wake=lambda: None)
    watch = condition_watch.ConditionWatch(
        cast("Any", SimpleNamespace(enabled=[hook for hook in hooks if hook is not removed])),
        cast("Any", outbox),
        cast("Any", session),
    )
    await getattr(watch, look)(hooks)
    passes.end()
    assert len(passes.asked) == len(set(passes.asked)) == len(hooks) - 1

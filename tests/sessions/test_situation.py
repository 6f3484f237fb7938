"""The monitor of queues and nodes, while nobody asks for them."""

from __future__ import annotations

import asyncio
import threading
import time
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fluxapi.instance.protocol import Queue, QueuePolicy
from fluxapi.sessions import situation
from fluxapi.sessions.situation import SituationMonitor


async def test_answers_that_nobody_wants_are_not_kept() -> None:
    """Check that the next client sees no figures from before; a busy cluster may be idle now."""
    table = SimpleNamespace(index=SimpleNamespace(state={}))
    stats = SimpleNamespace(is_watched=False, nodes={"total": 4, "allocated": 4}, queues=[])
    monitor = SituationMonitor(cast("Any", table), cast("Any", stats), cast("Any", None))
    task = asyncio.ensure_future(monitor.run())
    await asyncio.sleep(0)
    task.cancel()
    assert (stats.nodes, stats.queues) == (None, None)


async def test_nodes_are_counted_in_a_thread_and_less_often_if_that_takes_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nodes = {"nodes": [], "totals": {"nodes": 0, "cores": {}, "gpus": {}}}
    clock = iter([0.0, 1.0])
    threads: list[int] = []
    summary = situation.summary

    async def told(_instance: Any) -> dict[str, Any]:
        return nodes

    def counted(found: dict[str, Any]) -> dict[str, Any]:
        threads.append(threading.get_ident())
        return summary(found)

    times = SimpleNamespace(**{**vars(time), "thread_time": lambda: next(clock)})
    monkeypatch.setattr(situation, "time", times)
    monkeypatch.setattr(situation, "nodes_and_totals", told)
    monkeypatch.setattr(situation, "summary", counted)
    stats = SimpleNamespace(is_watched=False, nodes=None, queues=None)
    monitor = SituationMonitor(cast("Any", None), cast("Any", stats), cast("Any", None))
    monkeypatch.setattr(monitor, "_learn", lambda: None)
    await monitor._ask_nodes()
    assert stats.nodes["total"] == 0
    assert threads != [threading.get_ident()]
    assert monitor._nodes_interval == 50.0


async def test_very_many_properties_of_queues_are_read_less_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    policy = QueuePolicy(requires=tuple(map(str, range(99))))
    found = [Queue(str(name), enabled=True, started=True, policy=policy) for name in range(1000)]

    class Instance:
        async def queues(self) -> list[Queue]:
            return found

    stats = SimpleNamespace(is_watched=False, nodes=None, queues=None)
    monitor = SituationMonitor(cast("Any", None), cast("Any", stats), cast("Any", Instance()))
    monkeypatch.setattr(monitor, "_learn", lambda: None)
    await monitor._ask_queues()
    assert (len(stats.queues), monitor._queues_interval) == (1000, 10.0)
    found = found[:10]
    await monitor._ask_queues()
    assert monitor._queues_interval == 1.0

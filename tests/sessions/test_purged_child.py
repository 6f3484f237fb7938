"""A child whose job is purged while it opens: its end is noted all the same."""

from __future__ import annotations

import asyncio

import pytest

from fluxapi.sessions import children as module

from .broker import FakeBroker
from .tree import Plant

JOB = 1 << 24


async def test_a_child_whose_job_is_purged_while_it_opens(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LAST_EVENTS_TIMEOUT_S", 0.0)
    tree = await plant()
    path = await tree.launch(JOB)
    broker = FakeBroker()
    broker.may_start.clear()
    tree.root.next_children.append(broker)
    opening = asyncio.create_task(tree.open(path))
    await broker.starting.wait()
    tree.root.jobspecs[JOB] = b"{}"
    tree.root.finish(JOB)
    tree.root.purge(JOB)
    await tree.registry.root.journal.waiters.wait(JOB, lambda job: job is None, 30)
    broker.may_start.set()
    await opening
    child = tree.children.get(path)
    assert child is not None
    assert child.watching is not None
    await child.watching
    assert child.state == "ended"

"""Walks through the tree of instances, of which there may be thousands."""

from __future__ import annotations

from functools import partial

import pytest

from fluxapi.process.timeslice import TimeSlice
from fluxapi.sessions import tree
from fluxapi.sessions.tree import InstanceTree
from tests.attack.passes import Passes

from .tree import Plant


async def test_other_tasks_run_between_the_instances(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    grown = await plant()
    for jobid in (1, 2, 3):
        await grown.launch(jobid)
    monkeypatch.setattr(tree, "TimeSlice", partial(TimeSlice, 0))
    passes = Passes()
    async for _ in InstanceTree(grown.registry, grown.children).walk():
        passes.note()
    assert sum(passes.done.values()) == 4
    assert passes.most == 1

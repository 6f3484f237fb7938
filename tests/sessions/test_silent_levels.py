"""An instance below one that does not answer."""

from __future__ import annotations

import pytest

from fluxapi.errors import InstanceUnavailable
from fluxapi.sessions.child import canonical_path

from .broker import FakeBroker
from .tree import Plant

ABOVE, BELOW = 1 << 20, 2 << 20


async def test_an_instance_below_one_that_hangs_has_not_ended(plant: Plant) -> None:
    tree = await plant(open_timeout=0.05)
    path = await tree.launch(ABOVE)
    below = f"{path}/{canonical_path(str(BELOW))}"
    silent = FakeBroker()
    silent.may_start.clear()
    tree.root.next_children.append(silent)
    with pytest.raises(InstanceUnavailable, match=r"still being opened|was not open within"):
        await tree.open(path)
    with pytest.raises(InstanceUnavailable, match=f"{path}, does not answer"):
        await tree.open(below)
    parent, child = tree.children.get(path), tree.children.get(below)
    assert parent is not None
    assert child is not None
    assert (parent.state, child.state) == ("unreachable", "unreachable")
    # Both are opened once the parent answers.
    parent.retry_at = child.retry_at = 0.0
    answering = FakeBroker()
    answering.launch(BELOW)
    tree.root.next_children.append(answering)
    assert (await tree.open(below)).path == below

"""The monitor of queues and nodes, while nobody asks for them."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

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

"""Publishes the tree of instances to the streams that follow it, and has failures counted."""

from __future__ import annotations

import asyncio
from typing import Any

from fluxapi.events.tree_view import MAX_INSTANCES
from fluxapi.process.background import BackgroundTask

from .counters import ChildCounters
from .registry import SessionRegistry
from .tree import InstanceTree

__all__ = ["TreeObserver"]

_CHECK_INTERVAL_S = 0.5
"""Time until a new subscriber is noticed, and between two checks of the tree."""


class TreeObserver(BackgroundTask):
    """The task that observes the tree for all streams that follow it, and pauses without any."""

    def __init__(
        self, registry: SessionRegistry, tree: InstanceTree, counters: ChildCounters
    ) -> None:
        super().__init__("tree observer")
        self._registry = registry
        self._tree = tree
        self._counters = counters

    async def run(self) -> None:
        """Check at intervals."""
        while True:
            await asyncio.sleep(_CHECK_INTERVAL_S)
            await self.look()

    async def look(self) -> None:
        """Publish what has changed to the sessions whose tree is followed."""
        if any(session.hub.stats.is_watched for session in self._registry):
            self._counters.watch()
        if not any(session.hub.is_tree_followed for session in self._registry):
            for session in self._registry:
                session.hub.tree.is_known = False
            return
        await self._counters.want()
        records: dict[str, dict[str, Any]] = {}
        async for node in self._tree.walk():
            if len(records) == MAX_INSTANCES:
                break
            self._counters.add_to(node)
            records[node.path] = node.record()
        for session in self._registry:
            hub, path = session.hub, session.path
            if not hub.is_tree_followed:
                hub.tree.is_known = False
            elif path:
                below = f"{path}/"
                hub.publish_tree(
                    {key: it for key, it in records.items() if f"{key}/".startswith(below)}
                )
            else:
                hub.publish_tree(records)

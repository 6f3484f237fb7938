"""Queues that were stopped and nodes that were drained, which no event of a job tells of."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

from fluxapi.notices.notice import Notice, node_notice, queue_notice
from fluxapi.process.background import BackgroundTask
from fluxapi.process.timeslice import TimeSlice
from fluxapi.sessions.session import InstanceSession

from .hooks import Hooks
from .lanes import Hook
from .outbox import Outbox
from .port import FOREVER
from .webhook import Kind

__all__ = ["ConditionWatch"]

_log = logging.getLogger(__name__)

_INTERVAL_S = 1.0
_MAX_STATES = 20_000
"""Queues and nodes that one webhook was told of and that are still stopped or drained."""

_KNOWN = {"queue-stopped": "queues are known", "node-drained": "nodes are known"}
"""The marks of a webhook whose first look was taken; what was so before is no news."""


class ConditionWatch(BackgroundTask):
    """The task that compares the queues and nodes with what each webhook was told."""

    def __init__(self, hooks: Hooks, outbox: Outbox, session: InstanceSession) -> None:
        super().__init__("webhook conditions")
        self._hooks = hooks
        self._outbox = outbox
        self._session = session
        self._full: set[tuple[str, Kind]] = set()
        """Webhooks that are not told of all, by kind."""

    async def run(self) -> None:
        """Look at the queues and nodes once a second, while a webhook wants to know of them."""
        while True:
            queues = self._hooks.of_kind("queue-stopped")
            nodes = self._hooks.of_kind("node-drained")
            if queues or nodes:
                self._session.observer.want(10 * _INTERVAL_S)
            if queues:
                await self._look_at_queues(queues)
            if nodes:
                await self._look_at_nodes(nodes)
            await asyncio.sleep(_INTERVAL_S)

    async def _look_at_queues(self, hooks: Iterable[Hook]) -> None:
        found = self._session.hub.stats.queues
        if found is None:
            return
        now = time.time()
        stopped = {f"queue {queue['name']}": queue for queue in found if not queue["started"]}
        async for hook in self._in_turn(hooks):
            wanted = {
                key: queue_notice(self._outbox.instance, queue, now)
                for key, queue in stopped.items()
                if hook.matcher.takes_queue(queue["name"]) and key not in hook.states
            }
            self._tell(hook, "queue-stopped", "queue ", wanted, stopped)

    async def _look_at_nodes(self, hooks: Iterable[Hook]) -> None:
        found = self._session.observer.drained_nodes
        if found is None:
            return
        drained = {f"node {node['rank']} {node['drained_at']}": node for node in found}
        async for hook in self._in_turn(hooks):
            wanted = {
                key: node_notice(self._outbox.instance, node, node["drained_at"])
                for key, node in drained.items()
                if hook.matcher.takes_node(node["name"]) and key not in hook.states
            }
            self._tell(hook, "node-drained", "node ", wanted, drained)

    async def _in_turn(self, hooks: Iterable[Hook]) -> AsyncIterator[Hook]:
        """Yield the webhooks that are still enabled; each may take milliseconds."""
        turn = TimeSlice()
        for hook in list(hooks):
            await turn.share()
            if hook in self._hooks.enabled:
                yield hook

    def _tell(
        self,
        hook: Hook,
        kind: Kind,
        prefix: str,
        wanted: Mapping[str, Notice],
        current: Mapping[str, Any],
    ) -> None:
        """Post what is new to a webhook, and forget what holds no more."""
        changes, mark = self._outbox.changes, _KNOWN[kind]
        is_first = mark not in hook.states
        self._check_room(hook, kind, len(wanted))
        for key, notice in wanted.items():
            if len(hook.states) >= _MAX_STATES:
                break
            hook.states.add(key)
            if is_first:
                changes.marks.append((hook.id, key, FOREVER))
            else:
                self._outbox.post([hook], notice, key)
        for key in [key for key in hook.states if key.startswith(prefix) and key not in current]:
            hook.states.discard(key)
            changes.unmarks.append((hook.id, key))
        if is_first:
            hook.states.add(mark)
            changes.marks.append((hook.id, mark, FOREVER))
        self._outbox.wake()

    def _check_room(self, hook: Hook, kind: Kind, count: int) -> None:
        """Log, once until there is room again, that a webhook is not told of all."""
        if len(hook.states) + count <= _MAX_STATES:
            self._full.discard((hook.id, kind))
        elif (hook.id, kind) not in self._full:
            self._full.add((hook.id, kind))
            _log.warning(
                "webhook %s: more than %d queues and nodes are stopped or drained; "
                "it gets no messages about further ones until others are in use again",
                hook.id,
                _MAX_STATES,
            )

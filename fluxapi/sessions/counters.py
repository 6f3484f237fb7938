"""The counts of the jobs of closed instances, kept current while a client needs them.

A client that follows the tree gets the counts themselves. The figures of an instance only say in
which instances jobs failed, so for them new instances are searched less often.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, NamedTuple

from fluxapi.errors import FluxapiError
from fluxapi.instance.protocol import JobCounter, Parent
from fluxapi.process.background import Worker

from .child import place_of
from .inside import JobsInside
from .registry import SessionRegistry
from .tree import InstanceTree, Node

__all__ = ["ChildCounters"]

MAX_COUNTERS = 64
"""Closed instances that are counted at once; each costs one connection."""

_WANTED_S = 60.0
"""Time for which the counts are kept current after the last request for them."""

_FIRST_COUNTS_TIMEOUT_S = 0.5
"""Time that a request waits for counts that were not requested before."""

_WATCHED_S = 10.0
"""Time for which failures are counted after the last request for them."""

_CHECK_INTERVAL_S = 1.0
_SEARCH_INTERVAL_S = 5.0
"""Time between two searches for instances while no client follows the tree."""

_RETRY_PAUSE_S = 10.0
"""Pause before an instance that cannot be counted is tried again."""


class _Figures(NamedTuple):
    """The jobs of an instance by state and result, and the resources in use."""

    counts: dict[str, Any]
    utilization: dict[str, dict[str, int]] | None


class ChildCounters:
    """The counters of the closed instances of one service, by their paths."""

    def __init__(self, registry: SessionRegistry, tree: InstanceTree, inside: JobsInside) -> None:
        self._registry = registry
        self._tree = tree
        self._inside = inside
        self._counters: dict[str, JobCounter] = {}
        self._last: dict[str, _Figures] = {}
        """The figures that instances had when they, or ones above them, were lost or ended."""
        self._retry_at: dict[str, float] = {}
        self._wanted_until = 0.0
        self._watched_until = 0.0
        self._lost: set[str] = set()
        """The paths of counters whose last counts were noted when they were lost."""
        self._worker = Worker("child counters", self._run)
        self._turn = asyncio.Lock()

    def __len__(self) -> int:
        return len(self._counters)

    @property
    def is_running(self) -> bool:
        """Return whether counts are kept current."""
        return self._worker.is_running

    async def want(self) -> None:
        """Keep the counts current for a while; return when there are some, or after a moment.

        The nodes of open instances are kept current, too, without a wait.
        """
        for session in self._registry:
            session.observer.want(_WANTED_S)
        begins = not (self._worker.is_running and self._is_wanted)
        self._wanted_until = time.monotonic() + _WANTED_S
        self._worker.start()
        if begins:
            await self.adjust()
            deadline = time.monotonic() + _FIRST_COUNTS_TIMEOUT_S
            while self._are_missing() and time.monotonic() < deadline:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    def watch(self) -> None:
        """Count failures for a while, without a wait."""
        self._watched_until = time.monotonic() + _WATCHED_S
        self._worker.start()

    def add_to(self, node: Node) -> None:
        """Add the counts to a node that is closed, if they are known."""
        if node.session is not None:
            return
        counter = self._counters.get(node.path)
        is_frozen = _is_frozen(node)
        if is_frozen and node.path in self._last:
            node.counts, node.utilization = self._last[node.path]
        elif counter is not None and (is_frozen or counter.problem is None):
            node.counts, node.utilization = counter.counts, counter.utilization

    async def adjust(self) -> None:
        """Count the closed instances that run, and no others."""
        async with self._turn:
            closed = {
                node.path: node
                async for node in self._tree.walk()
                if node.path and node.session is None
            }
            self._keep_figures(closed)
            self._note()
            countable = [path for path, node in closed.items() if _is_countable(node)]
            countable.sort(key=self._rank)
            paths = set(countable[:MAX_COUNTERS])
            now = time.monotonic()
            for path, counter in list(self._counters.items()):
                if counter.problem is not None:
                    self._retry_at.setdefault(path, now + _RETRY_PAUSE_S)
                if path not in paths or self._retry_at.get(path, now + 1) <= now:
                    self._counters.pop(path).close()
                    self._lost.discard(path)
            self._retry_at = {path: at for path, at in self._retry_at.items() if at > now}
            for path in paths - self._counters.keys() - self._retry_at.keys():
                begun = await self._begin(path)
                if begun is None:
                    self._retry_at[path] = now + _RETRY_PAUSE_S
                else:
                    self._counters[path] = begun

    async def aclose(self) -> None:
        """Stop counting."""
        await self._worker.aclose()
        self._stop()

    def _rank(self, path: str) -> int:
        """Return 0 for an instance that is counted, 1 for a new one, 2 for one that is silent."""
        counter = self._counters.get(path)
        if path in self._retry_at or (counter is not None and counter.problem is not None):
            return 2
        return int(counter is None)

    def _note(self) -> None:
        """Note the failures in the instances that are counted.

        Most instances are lost because they end, after the failures that matter most, so the last
        counts of a counter are noted once more.
        """
        for path, counter in self._counters.items():
            if counter.problem is None or path in self._last or path not in self._lost:
                self._inside.note(path, counter.counts)
            if counter.problem is not None:
                self._lost.add(path)

    def _keep_figures(self, closed: dict[str, Node]) -> None:
        """Keep the last figures of instances that cannot be counted anymore."""
        frozen = {path for path, node in closed.items() if _is_frozen(node)}
        for path in self._last.keys() - frozen:
            del self._last[path]
        for path in frozen & self._counters.keys() - self._last.keys():
            counter = self._counters[path]
            if counter.counts is not None:
                self._last[path] = _Figures(counter.counts, counter.utilization)

    async def _begin(self, path: str) -> JobCounter | None:
        parent_path, _, jobid = path.rpartition("/")
        parent = self._registry.find(parent_path)
        if parent is None or parent.ended is not None or not isinstance(parent.instance, Parent):
            return None
        try:
            return await parent.instance.count(place_of(parent, jobid))
        except FluxapiError:
            return None  # Its state gives the reason, once a client opens it.

    def _are_missing(self) -> bool:
        return any(it.counts is None and it.problem is None for it in self._counters.values())

    @property
    def _is_wanted(self) -> bool:
        return time.monotonic() < self._wanted_until

    async def _run(self) -> None:
        searched = float("-inf")
        while self._is_wanted or time.monotonic() < self._watched_until:
            await asyncio.sleep(_CHECK_INTERVAL_S)
            self._note()
            if self._is_wanted or time.monotonic() - searched >= _SEARCH_INTERVAL_S:
                searched = time.monotonic()
                await self.adjust()
        self._stop()

    def _stop(self) -> None:
        for counter in self._counters.values():
            counter.close()
        self._counters.clear()
        self._lost.clear()


def _is_frozen(node: Node) -> bool:
    """Return whether a closed instance is shown as it was when it, or one above, was lost."""
    return node.state == "ended" or node.lost_ancestor is not None


def _is_countable(node: Node) -> bool:
    return node.state in {"closed", "unreachable"} and not _is_frozen(node)

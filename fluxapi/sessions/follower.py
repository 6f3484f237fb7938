"""Follows the instances of jobs while they run, so that their failures are known later.

An instance takes its jobs with it when it ends, and the job that it is succeeds if its script does.
So its failures and outputs are known afterward only if its journal was followed meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time

from fluxapi.errors import FluxapiError
from fluxapi.instance.protocol import ChangeBatch
from fluxapi.model.eventlog import JournalMessage
from fluxapi.process.background import BackgroundTask
from fluxapi.process.timeout import within
from fluxapi.table.changes import Changes

from .child import foreign_reason, has_ended, instance_uri
from .children import Children
from .counters import ChildCounters
from .inside import JobsInside
from .tree import InstanceTree, Node

__all__ = ["ChildFollower"]

_log = logging.getLogger(__name__)

_MIN_PAUSE_S, _MAX_PAUSE_S = 0.2, 1.0
"""Pause after a check of the tree, and longest time between two checks while instances run."""

_SHARE = 10.0
"""A pause is at least so many times as long as the check has kept the processor, up to 10 s:
thousands of jobs may be instances.
"""

_MAX_REST_S = 10.0

_PATIENCE_S = 2.0
"""Time in which an instance may answer before another one is tried beside it."""

_MIN_RETRY_S, _MAX_RETRY_S = 1.0, 60.0
"""Pause after an instance could not be opened; it doubles with each failure."""


class ChildFollower(BackgroundTask):
    """The task that opens instances that no client uses, up to *limit* at once.

    Those in which jobs have failed come first, then those that are followed already, then the
    oldest, and last those that do not answer. The failures in the others are only counted. A client
    that opens an instance takes precedence: instances that are only followed are closed to make
    room.
    """

    def __init__(
        self,
        tree: InstanceTree,
        children: Children,
        counters: ChildCounters,
        inside: JobsInside,
        limit: int,
    ) -> None:
        super().__init__("child follower")
        self._tree = tree
        self._children = children
        self._counters = counters
        self._inside = inside
        self._limit = min(limit, children.limits.open)
        self._news = asyncio.Event()
        self._opening: dict[str, asyncio.Task[None]] = {}
        self._begun_at: dict[str, float] = {}
        """The time at which the service began to open each instance that is being opened."""
        self._failures: dict[str, tuple[int, float]] = {}
        """How often each instance could not be opened, and when it may be tried again."""

    def observe(self, batch: ChangeBatch, _changes: Changes) -> None:
        """Check soon if a batch of any journal may announce a new instance."""
        if self._news.is_set() or not self._limit:
            return
        for change in batch:
            if isinstance(change, JournalMessage) and (
                change.is_sentinel or any(event.name == "memo" for event in change.events)
            ):
                self._news.set()
                return

    async def run(self) -> None:
        """Check the tree when there may be a new instance, and at intervals while any runs."""
        pause: float | None = _MAX_PAUSE_S
        while self._limit:
            with contextlib.suppress(asyncio.TimeoutError):
                await within(pause, self._news.wait())
            self._news.clear()
            began = time.thread_time()
            pause = await self.look()
            rest = min((time.thread_time() - began) * _SHARE, _MAX_REST_S)
            await asyncio.sleep(max(rest, _MIN_PAUSE_S))

    async def aclose(self) -> None:
        """Stop following; the registry closes the sessions."""
        await super().aclose()
        tasks = list(self._opening.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def look(self) -> float | None:
        """Follow the instances that come first; return the time until the next check, if any."""
        running = [node async for node in self._tree.walk() if self._may_be_followed(node)]
        paths = {node.path for node in running}
        self._failures = {path: known for path, known in self._failures.items() if path in paths}
        running.sort(key=self._order)
        wanted = {node.path for node in running[: self._limit]}
        for child in self._children:
            # An instance that has ended is kept if its jobs are stored nowhere else.
            child.is_followed = child.path in wanted or (
                child.is_followed and child.state == "ended" and not self._children.past.are_kept
            )
        self._bound_ended()
        for path in wanted:
            self._begin(path)
        if len(running) > len(wanted):
            self._counters.watch()
        if not running:
            return None
        times = [at for _, at in self._failures.values()]
        times += [at + _PATIENCE_S for at in self._begun_at.values()]
        next_look = min(times, default=float("inf")) - time.monotonic()
        return min(max(next_look, _MIN_PAUSE_S), _MAX_PAUSE_S)

    def _may_be_followed(self, node: Node) -> bool:
        job = node.job
        if job is None or not node.path or node.depth > self._children.limits.depth:
            return False
        if has_ended(job) or instance_uri(job) is None or foreign_reason(job) is not None:
            return False
        return node.state in {"closed", "opening", "ready", "unreachable"}

    def _order(self, node: Node) -> tuple[bool, bool, bool, int, str]:
        child = self._children.get(node.path)
        has_failures = self._inside.has_failures(node.path)
        is_followed = child is not None and child.is_followed
        # Later jobs have greater IDs, and a greater ID has as many digits or more.
        is_silent = self._is_silent(node.path)
        return is_silent, not has_failures, not is_followed, len(node.path), node.path

    def _is_silent(self, path: str) -> bool:
        """Return whether an instance did not answer an attempt, or has stopped answering."""
        child = self._children.get(path)
        is_lost = child is not None and child.state == "unreachable"
        begun_at = self._begun_at.get(path, float("inf"))
        return is_lost or path in self._failures or time.monotonic() - begun_at > _PATIENCE_S

    def _bound_ended(self) -> None:
        """Release the oldest instances that have ended."""
        ended = [it for it in self._children if it.is_followed and it.state == "ended"]
        for child in ended[: max(len(ended) - self._limit, 0)]:
            child.is_followed = False

    def _begin(self, path: str) -> None:
        """Open an instance unless it is open, was refused just now, or there is no room."""
        child = self._children.get(path)
        if child is not None and child.session is not None:
            return
        _, retry_at = self._failures.get(path, (0, 0.0))
        if path in self._opening or retry_at > time.monotonic() or not self._children.has_room:
            return
        task = asyncio.create_task(self._open(path), name="follow child")
        self._opening[path] = task
        self._begun_at[path] = time.monotonic()
        task.add_done_callback(lambda _: self._finish(path))

    def _finish(self, path: str) -> None:
        """Check again, since the place of an instance that cannot be opened is free."""
        self._opening.pop(path, None)
        self._begun_at.pop(path, None)
        self._news.set()

    async def _open(self, path: str) -> None:
        try:
            async with self._children.using(path):
                child = self._children.get(path)
                if child is not None:
                    child.is_followed = True
        except FluxapiError as error:
            failures, _ = self._failures.get(path, (0, 0.0))
            pause = min(_MIN_RETRY_S * 2 ** min(failures, 10), _MAX_RETRY_S)
            self._failures[path] = failures + 1, time.monotonic() + pause
            _log.debug("the instance at %s is not followed: %s", path, error.detail)
        else:
            self._failures.pop(path, None)

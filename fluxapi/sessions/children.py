"""Opens child instances on demand, and closes those that nobody uses.

A child is a job of its parent that is a Flux instance, too. Its session opens when the first
request asks for it, and all requests for one child share one attempt. This is the one place where a
read may call Flux.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator

from fluxapi.errors import (
    FluxapiError,
    InstanceNotFound,
    InstanceUnavailable,
    ShuttingDown,
    TooManyInstances,
)
from fluxapi.instance.protocol import Instance, Mortal, Parent, PastParent
from fluxapi.model.jobid import parse
from fluxapi.model.message import Message, Sentence, problem, text_of
from fluxapi.process.background import BackgroundTask
from fluxapi.process.timeout import within

from .child import Child, ChildLimits, has_ended, job_ended, place_of
from .child_shares import ChildShares
from .ended_records import EndedRecords
from .past_children import PastChildren
from .registry import SessionRegistry
from .session import ROOT, InstanceSession

__all__ = ["PARENT_HAS_ENDED", "ChildLimits", "Children"]

_log = logging.getLogger(__name__)

_MIN_RETRY_PAUSE_S, _MAX_RETRY_PAUSE_S = 2.0, 60.0
"""Bounds of the pause after an attempt that failed; it doubles with each."""

_LAST_EVENTS_TIMEOUT_S = 2.0
"""Time for the last events of an instance that has ended."""

PARENT_HAS_ENDED = Message("reasons", "parent_ended")

_MAX_WAIT_S = 3600.0
_MAX_FAILED = 1024
"""Children that failed or ended and are remembered; the oldest are forgotten."""


class Children:
    """The children that the service has opened, or tried to open, by their paths."""

    def __init__(self, registry: SessionRegistry, limits: ChildLimits) -> None:
        self.limits = limits
        self._registry = registry
        self._children: dict[str, Child] = {}
        self._shares = ChildShares(limits.open)
        self._closing = False
        self.reaper = _Reaper(self)
        self.on_close: Callable[[], None] | None = None
        """The function that is called after the session of a child has been closed."""
        self.past = PastChildren()
        """The instances that have ended and can be opened from the history."""
        self.before_close: Callable[[str], None] | None = None
        """The function that is called with the path of a child before its session is closed."""

    def __iter__(self) -> Iterator[Child]:
        return iter(list(self._children.values()))

    def get(self, path: str) -> Child | None:
        """Return the child at *path*, or ``None`` if no client has requested it."""
        return self._children.get(path)

    @contextlib.asynccontextmanager
    async def using(self, path: str, client: str | None = None) -> AsyncIterator[InstanceSession]:
        """Open the session at *path* unless it is open, and keep it open within the context.

        It counts for *client*, if there is one.

        Raises:
            InstanceNotFound: There is no instance at the path; the detail says why.
            InstanceUnavailable: It cannot be reached, or not yet.
            TooManyInstances: All others are in use, or the client uses its share of them.
        """
        child = self._children.get(path)
        session = self._registry.find(path)
        if session is not None and child is None:
            yield session
            return
        share = contextlib.nullcontext() if client is None else self._shares.using(client, path)
        with share:
            child = await self._opened(path)
            child.use()
            try:
                if child.session is None:  # It was closed just now.
                    raise InstanceUnavailable(problem("instance_just_closed"))
                yield child.session
            finally:
                child.release()

    async def aclose(self) -> None:
        """Stop opening children; the registry closes the sessions."""
        self._closing = True
        await self.reaper.aclose()
        tasks = {
            task for child in self for task in (child.opening, child.watching) if task is not None
        }
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=self.limits.open_timeout)

    async def close(self, child: Child) -> None:
        """Close a child; those below it must be closed."""
        if child.watching is not None:
            child.watching.cancel()
        if child.session is not None:
            if self.before_close is not None:
                self.before_close(child.path)
            self.past.note(child.session)
        child.session = None
        if self._children.get(child.path) is child:
            del self._children[child.path]
        await self._registry.close(child.path, lambda: self._leave_parent(child))

    async def close_idle(self) -> None:
        """Close the children that nobody has used for a while."""
        now = time.monotonic()
        for child in self:
            is_open = child.session is not None and not child.is_followed
            if is_open and self._is_idle(child, now - self.limits.idle_timeout):
                await self.close(child)

    async def _opened(self, path: str) -> Child:
        """Return the child at *path*, open."""
        child = self._children.get(path)
        if child is not None and child.session is not None and not child.is_opening:
            return child
        if child is None or not (child.is_opening or self._is_refused(child)):
            child = self._begin(path)
        if child.opening is None or (child.opening.done() and child.error is not None):
            raise child.error or InstanceUnavailable(problem("instance_not_open"))
        try:
            await within(self.limits.open_timeout, asyncio.shield(child.opening))
        except asyncio.TimeoutError:
            raise InstanceUnavailable(problem("instance_opening", path=path)) from None
        if child.error is not None:
            raise child.error
        return child

    def _is_refused(self, child: Child) -> bool:
        """Return whether the last attempt failed just now, and the job has no other address."""
        if child.retry_at <= time.monotonic():
            return False
        parent = self._registry.find(child.parent_path)
        if parent is not None and parent.ended is not None:
            return False
        try:
            return parent is None or place_of(parent, child.jobid) == child.place
        except InstanceNotFound:  # It has ended meanwhile.
            return False
        except FluxapiError:
            return True

    def _begin(self, path: str) -> Child:
        """Start to open the child at *path*."""
        if self._closing:
            raise ShuttingDown(problem("opens_no_more"))
        root = self._registry.root
        if not root.capabilities.children or not self.limits.open:
            if root.capabilities.children:
                why = problem("opens_no_children", path=path[:255])
            elif root.info.kind == "archive":
                why = problem("no_past_children", path=path[:255])
            else:
                why = problem("cannot_have_children", path=path[:255])
            raise InstanceNotFound(why)
        depth = path.count("/") + 1
        if depth > self.limits.depth:
            raise InstanceNotFound(
                problem("too_deep", path=path[:255], depth=depth, limit=self.limits.depth)
            )
        known = self._children.get(path)
        child = Child(path)
        if known is not None:
            child.failures = known.failures
        self._children[path] = child
        self._forget_failed()
        # The tasks of the session do not belong to the request that happens to open it.
        child.opening = contextvars.Context().run(asyncio.create_task, self._open(child))
        return child

    async def _open(self, child: Child) -> None:
        """Open a child, and note an error instead of raising it, for all who wait."""
        try:
            await within(self.limits.open_timeout, self._connect(child))
        except asyncio.TimeoutError:
            error: FluxapiError = InstanceUnavailable(
                problem(
                    "opening_took_long", path=child.path, limit_seconds=self.limits.open_timeout
                )
            )
        except FluxapiError as failure:
            error = failure
        except Exception:  # noqa: BLE001 - all who wait must learn of it
            _log.exception("the instance at %s cannot be opened", child.path)
            error = InstanceUnavailable(problem("cannot_open", path=child.path))
        else:
            child.failures = 0
            if child.place is not None:
                child.watching = asyncio.create_task(self._watch(child), name="watch child")
            return
        error.__traceback__ = None
        await self._drop(child, error)

    async def _drop(self, child: Child, error: FluxapiError) -> None:
        """Note why a child could not be opened."""
        child.session = None
        await self._registry.close(child.path)
        pause = min(_MIN_RETRY_PAUSE_S * 2 ** min(child.failures, 10), _MAX_RETRY_PAUSE_S)
        if isinstance(error, (InstanceNotFound, TooManyInstances)):
            # This can change at any moment, and nothing was tried.
            pause = 0.0
            self._children.pop(child.path, None)
        elif (reason := self._end_of(child)) is not None:
            child.end(reason)
            error = InstanceNotFound(reason)
        elif (parent := self._registry.find(child.parent_path)) is None or not parent.is_reachable:
            above = child.parent_path
            silent = problem("no_way", path=above) if above else problem("no_way_root")
            error = InstanceUnavailable(silent)
        child.fail(error, pause)
        self._leave_parent(child)

    def _end_of(self, child: Child) -> Message | None:
        """Return that the job of a child has ended, or ``None`` if it runs."""
        parent = self._registry.find(child.parent_path)
        above = self._children.get(child.parent_path)
        if parent is None and above is not None and above.state != "ended":
            return None  # It could not be opened, so nobody knows.
        if parent is None or parent.ended is not None:
            return PARENT_HAS_ENDED
        try:
            job = parent.job(child.jobid)
        except InstanceUnavailable:
            return None
        except FluxapiError:
            job = None
        return job_ended(child.jobid) if has_ended(job) else None

    async def _connect(self, child: Child) -> None:
        """Open the session of a child, once its parent is open."""
        parent = self._registry.root
        if child.parent_path != ROOT:
            above = await self._opened(child.parent_path)
            above.use()
            child.parent = above
            assert above.session is not None  # noqa: S101 - it is open
            parent = above.session
        instance = self._instance_of(child, parent)
        await self._make_room()
        session = await self._registry.open(child.path, instance)
        child.session = session
        caught_up = asyncio.ensure_future(session.journal.caught_up())
        gave_up = asyncio.ensure_future(session.journal.gave_up.wait())
        try:
            await asyncio.wait({caught_up, gave_up}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            caught_up.cancel()
            gave_up.cancel()
        if session.journal.gave_up.is_set():
            raise InstanceUnavailable(session.journal.problem or "", retry_after=60)

    def _instance_of(self, child: Child, parent: InstanceSession) -> Instance:
        """Return the instance of a child, not started.

        Raises:
            InstanceNotFound: There is none; the detail says why.
            InstanceUnavailable: It cannot be opened, or not yet.
        """
        if isinstance(parent.instance, PastParent):
            jobid = parse(child.jobid)
            if jobid not in parent.instance.past_children:
                raise InstanceNotFound(problem("no_past_instance", job=child.jobid))
            return parent.instance.past_child(jobid)
        if child.path in self.past and has_ended(parent.find_job(child.jobid)):
            return self.past.instance(child.path)
        if parent.ended is not None or not isinstance(parent.instance, Parent):
            raise InstanceNotFound(problem("instance_ended", path=child.parent_path))
        child.place = place_of(parent, child.jobid)
        return parent.instance.child(child.place)

    async def _make_room(self) -> None:
        """Close the child that was used least recently if too many are open.

        Raises:
            TooManyInstances: All are in use.
        """
        while True:
            if self._in_use <= self.limits.open:
                return
            open_ones = [child for child in self if child.session is not None]
            idle = [child for child in open_ones if self._is_idle(child)]
            if not idle:
                raise TooManyInstances(problem("too_many_instances", count=len(open_ones)))
            await self.close(min(idle, key=_precedence))

    @property
    def has_room(self) -> bool:
        """Return whether one more can be opened without closing another that runs."""
        ended = sum(child.state == "ended" and self._is_idle(child) for child in self)
        return self._in_use - ended < self.limits.open

    @property
    def _in_use(self) -> int:
        """Return the number of children that are open or being opened."""
        return sum(child.session is not None or child.is_opening for child in self)

    def _is_idle(self, child: Child, since: float = float("inf")) -> bool:
        return not child.users and not child.is_opening and child.used_at <= since

    def _leave_parent(self, child: Child) -> None:
        parent, child.parent = child.parent, None
        if parent is not None:
            parent.release()
        if self.on_close is not None:
            self.on_close()

    def _forget_failed(self) -> None:
        failed = [c.path for c in self if c.session is None and not c.is_opening]
        for path in failed[: max(len(failed) - _MAX_FAILED, 0)]:
            del self._children[path]

    async def _watch(self, child: Child) -> None:
        """End a child when its job or its parent ends, or its table is full."""
        session = child.session
        parent = self._registry.find(child.parent_path)
        if session is None or parent is None:
            return
        reason = await self._until_end(child, session, parent)
        await self._end(child, session, reason)

    async def _until_end(
        self, child: Child, session: InstanceSession, parent: InstanceSession
    ) -> Sentence:
        """Return why an instance has ended, once it has."""
        jobid = parse(child.jobid)
        while True:
            waiting = {
                asyncio.ensure_future(session.journal.gave_up.wait()),
                asyncio.ensure_future(parent.journal.waiters.wait(jobid, has_ended, _MAX_WAIT_S)),
            }
            try:
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in waiting:
                    task.cancel()
            if session.journal.gave_up.is_set():
                return session.journal.problem or "The table is full."
            if (reason := self._end_of(child)) is not None:
                return reason
            # The journal of the parent wakes all waiting tasks when it is closed.
            await asyncio.sleep(_MIN_RETRY_PAUSE_S)

    async def _end(self, child: Child, session: InstanceSession, reason: Sentence) -> None:
        deadline = time.monotonic() + _LAST_EVENTS_TIMEOUT_S
        # The journal thread hands over what has arrived, and then that the connection is lost.
        while session.journal.lost_since is None and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        _log.info("the instance at %s has ended: %s", child.path, text_of(reason))
        await session.end(reason)
        self.past.note(session)
        if isinstance(session.instance, Mortal) and session.past.stored is not None:
            session.instance.kept = EndedRecords(session.past.stored, child.path)


def _precedence(child: Child) -> tuple[bool, float]:
    """Return the order in which children are closed to make room."""
    return child.is_followed and child.state != "ended", child.used_at


class _Reaper(BackgroundTask):
    """A task that closes the children that nobody uses."""

    def __init__(self, children: Children) -> None:
        super().__init__("child reaper")
        self._children = children

    async def run(self) -> None:
        """Check at intervals."""
        while True:
            await asyncio.sleep(min(max(self._children.limits.idle_timeout / 4, 0.05), 15.0))
            await self._children.close_idle()

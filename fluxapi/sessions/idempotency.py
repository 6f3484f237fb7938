"""The job of each Idempotency-Key, across repeated requests and restarts of the service."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import islice
from typing import NamedTuple, TypeVar

from fluxapi.errors import IdempotencyMismatch, InstanceUnavailable, OutcomeUnknown
from fluxapi.model.jobid import encode_f58
from fluxapi.model.keymark import KeyMark
from fluxapi.process.timeout import within
from fluxapi.table.table import Table

__all__ = ["IdempotencyStore"]

_log = logging.getLogger(__name__)

T = TypeVar("T")

_SETTLE_TIMEOUT_S = 10.0
"""Time that a request waits until the keys of earlier processes of the service are known."""

_MAX_CHECKS = 2
"""Old entries that are checked for each new one, so that few unneeded entries remain."""


class _Turn:
    """A lock for the requests with one key; *users* requests hold it or wait for it."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.users = 0


class _Owed(NamedTuple):
    """A job that Flux has accepted and the journal has not shown yet.

    A broker that crashes can lose it: if backlog number *until* does not show it, it is lost.
    """

    jobid: int
    digest: str
    until: int


class IdempotencyStore:
    """The keys of submissions under way; the table holds the keys of the jobs that it has.

    ``settle`` returns once the table holds every job that an earlier process has submitted. Until
    then, a key that is not in the table may still be in use.
    """

    def __init__(self, table: Table, limit: int, settle: Callable[[], Awaitable[None]]) -> None:
        self._table = table
        self._limit = limit
        self._settle_instance = settle
        self._settling: asyncio.Task[None] | None = None
        self._turns: dict[str, _Turn] = {}
        self._owed: dict[str, _Owed] = {}
        self._doubts: dict[str, object] = {}
        """Keys of requests with an unknown outcome; an object stands for each such request."""
        self._resolving: asyncio.Task[None] | None = None

    def begin_to_settle(self) -> None:
        """Start to wait for submissions of earlier processes; called when the session opens."""
        self._settling = asyncio.ensure_future(_run(self._settle_instance))
        self._settling.add_done_callback(_note_failure)

    async def aclose(self) -> None:
        """Cancel the waiting tasks."""
        for task in (self._settling, self._resolving):
            if task is not None:
                task.cancel()
                await asyncio.wait({task})

    async def settled(self) -> None:
        """Return once an unknown key is certainly new; raises ``InstanceUnavailable``."""
        task = self._settling
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            self.begin_to_settle()
            task = self._settling
        assert task is not None  # noqa: S101 - it has just begun
        if task.done():
            return
        try:
            await within(_SETTLE_TIMEOUT_S, asyncio.shield(task))
        except asyncio.TimeoutError:
            raise InstanceUnavailable(
                "The service does not know yet if this Idempotency-Key was used before it "
                "started; send the same request again."
            ) from None

    @contextlib.asynccontextmanager
    async def turn(self, key: str) -> AsyncIterator[None]:
        """Process one request with ``key`` at a time; the next one finds the jobs of the last."""
        turn = self._turns.setdefault(key, _Turn())
        turn.users += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.users -= 1
            if not turn.users:
                del self._turns[key]

    def known(self, mark: KeyMark) -> int | None:
        """Return the job with this key or ``None``; raises ``IdempotencyMismatch``.

        Call :meth:`settled` first.
        """
        held = self._table.keys.find(mark.key)
        owed = self._owed.get(mark.key)
        if owed is not None:
            if not self._is_owed(mark.key, owed):
                del self._owed[mark.key]
            elif held is None or owed.jobid not in self._table:
                # Else another service has submitted the same job before.
                held = owed.jobid, owed.digest
        if held is None:
            return None
        _compare(held, mark.digest)
        return held[0]

    def doubt(self, key: str) -> None:
        """Record that the outcome of a request with this key is unknown."""
        self._doubts.pop(key, None)
        self._doubts[key] = object()
        if len(self._doubts) > self._limit:
            del self._doubts[next(iter(self._doubts))]

    async def resolve(self, key: str) -> None:
        """Return once the table has each job that Flux accepted under this key.

        Raises ``OutcomeUnknown`` when the instance does not answer in time.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _SETTLE_TIMEOUT_S
        while key in self._doubts:
            task = self._resolving
            if task is None or task.done():
                task = self._resolving = asyncio.ensure_future(self._clear(dict(self._doubts)))
                task.add_done_callback(_note_failure)
            try:
                await within(deadline - loop.time(), asyncio.shield(task))
            except asyncio.TimeoutError:
                raise OutcomeUnknown("The Flux instance did not answer in time.") from None
            except InstanceUnavailable as error:
                raise OutcomeUnknown(error.detail) from error

    async def _clear(self, doubts: dict[str, object]) -> None:
        """Drop *doubts* once the instance has settled; all waiting requests share one call."""
        await self._settle_instance()
        for key, doubt in doubts.items():
            # A later request with the key may have an unknown outcome, too.
            if self._doubts.get(key) is doubt:
                del self._doubts[key]

    def remember(self, mark: KeyMark, jobid: int) -> None:
        """Remember a job that Flux has accepted and the journal has not shown yet."""
        if self._table.keys.has_shown(mark.key, jobid):
            return
        # A backlog that is being read may have begun before the job.
        until = self._table.replays + 1 + self._table.replaying
        self._owed[mark.key] = _Owed(jobid, mark.digest, until)
        # Jobs appear about in the order of their submission, so few are left after this.
        for key, owed in list(islice(self._owed.items(), _MAX_CHECKS)):
            if len(self._owed) > self._limit or not self._is_owed(key, owed):
                del self._owed[key]

    def _is_owed(self, key: str, owed: _Owed) -> bool:
        """Return whether the table does not hold the job yet, but may still get it."""
        return self._table.replays < owed.until and not self._table.keys.has_shown(key, owed.jobid)


async def _run(work: Callable[[], Awaitable[T]]) -> T:
    return await work()


def _note_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        _log.info("the keys of earlier submissions are not known yet: %s", task.exception())


def _compare(held: tuple[int, str], given: str) -> None:
    jobid, digest = held
    if digest != given:
        raise IdempotencyMismatch(
            "This Idempotency-Key was used for another request; use a new key for a new job.",
            job=encode_f58(jobid),
        )

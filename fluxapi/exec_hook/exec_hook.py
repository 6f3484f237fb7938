"""From the journal to commands: matches each event with the filter, and runs the command.

The consumer of the journal calls :meth:`ExecHook.observe`, which only tests the filter and appends
to a bounded queue. Threads start the command and wait for it, since both can block.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import msgspec

from fluxapi.events.filters import Filter, Selection
from fluxapi.instance.protocol import ChangeBatch
from fluxapi.model.eventlog import Event
from fluxapi.notices.notice import Notice, job_notice
from fluxapi.process.background import BackgroundTask
from fluxapi.process.daemon_threads import DaemonThreads
from fluxapi.table.changes import Changes, Posted
from fluxapi.table.table import Table

from .command import Command, Outcome

__all__ = ["MAX_QUEUED_EVENTS", "ExecHook"]

_log = logging.getLogger(__name__)

MAX_QUEUED_EVENTS = 1000
"""Events that wait for a command; further ones are dropped and counted."""

_MAX_CONTEXT_BYTES = 64 << 10
"""A larger context is left out, as in the event channel, so that the queue has a bounded size."""

_LOG_INTERVAL_S = 10.0
"""Time between two lines of the log about failures."""

_CLOSE_TIMEOUT_S = 1.0
"""Time that commands have to end after SIGTERM and again after SIGKILL."""

_STUCK_TIMEOUT_S = 10.0
"""Time beyond the limit of a command after which it is given up."""

_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class _Queued:
    """An event that waits; its context is JSON, which takes far less memory than its values."""

    id: int
    index: int | None
    event: Event
    context: bytes | None


class ExecHook(BackgroundTask):
    """The task that runs a command for each event that passes a filter.

    Args:
        command: The command.
        filter: The events to run it for.
        limit: Commands at the same time; those of one job run one after the other.

    Attributes:
        outcomes: How many commands ended in which way.
        dropped: The number of events for which there was no room in the queue.
    """

    def __init__(self, command: Command, filter: Filter, limit: int) -> None:
        super().__init__("exec hook")
        self.outcomes: Counter[Outcome] = Counter()
        self.dropped = 0
        self._command = command
        self._selection = Selection(filter)
        self._events = filter.events
        self._limit = limit
        self._queue: list[_Queued] = []
        self._jobs: set[int] = set()
        self._running: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._table: Table | None = None
        self._instance = ""
        self._threads = DaemonThreads("exec", limit)
        self._failures = _FailureLog()

    @property
    def queued(self) -> int:
        """Return the number of events that wait for a command."""
        return len(self._queue)

    @contextlib.asynccontextmanager
    async def attached(
        self,
        table: Table,
        instance: str,
        observers: list[Callable[[ChangeBatch, Changes], None]],
    ) -> AsyncIterator[None]:
        """Run the command for the events that *observers* are told of, while the context lasts.

        Args:
            table: The table that the events change.
            instance: The identity of the instance.
            observers: The functions that the consumer of the journal calls.
        """
        self._table, self._instance = table, instance
        observers.append(self.observe)
        self.start()
        try:
            yield
        finally:
            observers.remove(self.observe)
            await self.aclose()

    def observe(self, _: ChangeBatch, changes: Changes) -> None:
        """Take the new events that pass the filter; those before the start of the service do not.

        The journal must not wait, so an event without room in the queue is dropped.
        """
        if self._table is None or self._table.history is not None:
            return
        for posted in changes.posted:
            if self._events is not None and posted.event.name not in self._events:
                continue
            if not self._selection.takes(posted.id, posted.facets):
                continue
            if len(self._queue) < MAX_QUEUED_EVENTS:
                self._queue.append(_queued(posted))
            else:
                self.dropped += 1
                self._failures.add("dropped")
        if self._queue:
            self._wake.set()

    async def run(self) -> None:
        """Start commands as long as there are events and free threads."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while len(self._running) < self._limit:
                item = self._next()
                if item is None:
                    break
                task = asyncio.create_task(self._execute(item), name="exec")
                self._running.add(task)
                # It starts before the next event is looked for, so that no piece takes long.
                await asyncio.sleep(0)

    def _next(self) -> _Queued | None:
        """Return the oldest event of a job for which no command runs."""
        for place, item in enumerate(self._queue):
            if item.id not in self._jobs:
                self._jobs.add(item.id)
                return self._queue.pop(place)
        return None

    async def _execute(self, item: _Queued) -> None:
        outcome: Outcome
        try:
            document = self._notice(item).encode()
            limit = self._command.time_limit + _STUCK_TIMEOUT_S
            outcome = await self._threads.run(limit, self._command.run, document)
        except asyncio.TimeoutError:
            # It is stuck in the kernel, and its thread with it.
            outcome = "timeout"
        except Exception:  # noqa: BLE001 - one event must not end those after it
            outcome = "unstartable"
            _log.exception("the command of --exec could not be run")
        finally:
            self._jobs.discard(item.id)
            task = asyncio.current_task()
            if task is not None:
                self._running.discard(task)
            self._wake.set()
        self.outcomes[outcome] += 1
        if outcome not in {"ok", "stopped"}:
            self._failures.add(outcome)

    def _notice(self, item: _Queued) -> Notice:
        table = self._table
        record = None
        if table is not None and item.id in table:
            record = msgspec.json.decode(table.encode(item.id))
        event = item.event
        if item.context is not None:
            event = Event(event.timestamp, event.name, msgspec.json.decode(item.context))
        return job_notice(self._instance, item.id, item.index, event, record)

    async def aclose(self) -> None:
        """Drop what waits, and end the commands that run."""
        await super().aclose()
        self._queue.clear()
        for number in (signal.SIGTERM, signal.SIGKILL):
            self._command.close(number)
            if self._running:
                await asyncio.wait(self._running, timeout=_CLOSE_TIMEOUT_S)


class _FailureLog:
    """Logs how many commands have failed, once in an interval and without any content."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._logged_at = float("-inf")

    def add(self, outcome: str) -> None:
        """Count a failure, and log those since the last line if it is time."""
        self._counts[outcome] += 1
        if time.monotonic() - self._logged_at < _LOG_INTERVAL_S:
            return
        self._logged_at = time.monotonic()
        parts = ", ".join(f"{name} {count}" for name, count in sorted(self._counts.items()))
        _log.warning("events without a successful run of --exec since the last line: %s", parts)
        self._counts.clear()


def _queued(posted: Posted) -> _Queued:
    """Return an event to be queued, without a context that is too large or nested too deep."""
    event, context = posted.event, None
    if event.context is None:
        return _Queued(posted.id, posted.index, event, None)
    with contextlib.suppress(RecursionError):
        context = _encoder.encode(event.context)
    if context is not None and len(context) > _MAX_CONTEXT_BYTES:
        context = None
    stripped = Event(event.timestamp, event.name, truncated=context is None)
    return _Queued(posted.id, posted.index, stripped, context)

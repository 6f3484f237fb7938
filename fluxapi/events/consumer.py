"""The consumer of the journal: feeds the change stream of an instance to the table and the hub."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Iterator
from typing import Any

from fluxapi.errors import InstanceUnavailable
from fluxapi.instance.protocol import Change, ChangeBatch, Instance
from fluxapi.model.eventlog import JournalMessage, Purged, Resync
from fluxapi.process.background import BackgroundTask
from fluxapi.process.timeslice import TimeSlice
from fluxapi.table.capacity import TableFull
from fluxapi.table.changes import Changes

from .hub import Hub
from .waiters import Waiters

__all__ = ["ChangeObserver", "JournalConsumer"]

ChangeObserver = Callable[[ChangeBatch, Changes], None]
"""A function that gets each batch of the journal and what it has changed; it must be fast."""

_READING = "The service is still reading the jobs of the instance"
"""Why jobs may be missing while the backlog comes in; see :attr:`JournalConsumer.reading`."""

_log = logging.getLogger(__name__)

_MAX_PIECE_MESSAGES = 64
"""Messages that are folded before other tasks run: about a millisecond."""

_MAX_PIECE_EVENTS = 256
"""Events in a piece: the eventlogs of some twenty jobs of a backlog. One job can have more."""

_UNWATCHED_PAUSE_S = 0.02
"""Time for which events are collected while no client waits for any, since each batch has a
cost."""

_MAX_LAG_S, _LAG_VALID_S = 10.0, 15.0
"""A lag above the first value makes the service not ready, for the time of the second one."""

_MIN_DELAY_S, _MAX_DELAY_S = 0.1, 5.0
"""Bounds of the pause before a lost stream is opened again; it doubles each time."""


class JournalConsumer(BackgroundTask):
    """A task that keeps a table in step with an instance and wakes requests that wait for jobs.

    The journals of instances that are not *trusted* take turns, one in each pass of the event loop.
    """

    def __init__(self, instance: Instance, hub: Hub, *, trusted: bool = True) -> None:
        super().__init__("journal consumer")
        self.instance = instance
        self.hub = hub
        self.table = hub.table
        self.ready = False
        self.lost_since: float | None = None
        self.losses = 0
        """How often the stream was lost."""
        self.lag = 0.0
        """Seconds between the newest event, by the clock of the instance, and its publication."""
        self.silence: str | None = None
        """A sentence that explains why the instance does not answer, or ``None`` if it does."""
        self.gave_up = asyncio.Event()
        """Set once the table is full: the journal is not followed anymore."""
        self._why_gave_up: str | None = None
        self.observer_failures = 0
        """How often an observer has failed."""
        self._turn = None if trusted else TimeSlice()
        self._published = 0.0
        self._arrived = 0.0
        self._followed = float("-inf")
        """When the current listing was complete, by the monotonic clock."""
        self._taken = time.monotonic()
        self._silent_since: float | None = None
        self.waiters = Waiters(self.table)
        self.observers: list[ChangeObserver] = []
        """The functions that are called with each batch, after the table has processed it."""
        self.on_lost: list[Callable[[], None]] = []
        """The functions that are called when the stream is lost."""
        self._caught_up = asyncio.Event()

    @property
    def cursor(self) -> str:
        """Return the cursor of the table; a client that joins the channel there misses nothing."""
        return self.hub.buffer.cursor.decode()

    async def aclose(self) -> None:
        """Stop reading and release every request that waits."""
        await super().aclose()
        self.waiters.release()

    @property
    def problem(self) -> str | None:
        """Return a sentence that explains why the service is not ready, ``None`` if it is."""
        if self.gave_up.is_set():
            return self._why_gave_up
        if self.lost_since is not None and self.has_caught_up:
            return "The instance does not answer."
        if not self.ready:
            return self.reading
        if self.lag > _MAX_LAG_S and time.monotonic() - self._published < _LAG_VALID_S:
            return f"The journal is {self.lag:.0f} seconds behind the instance."
        return self.silence

    @property
    def reading(self) -> str:
        """Return a sentence that says how far the backlog was read."""
        progress = self.table.progress
        if progress is None or not progress.read:
            return f"{_READING}."
        if progress.total is None:
            return f"{_READING}: {progress.read:,} so far."
        return f"{_READING}: {progress.read:,} of {progress.total:,}."

    def still_reading(self) -> InstanceUnavailable:
        """Return the error of a request that needs a job which may not be read yet."""
        return InstanceUnavailable(self.reading, **self.progress)

    @property
    def progress(self) -> dict[str, Any]:
        """Return the member of a problem document that says how far the backlog was read."""
        found = self.table.progress
        if found is None:
            return {}
        total = {} if found.total is None else {"total": found.total}
        return {"progress": {"read": found.read, **total}}

    @property
    def has_caught_up(self) -> bool:
        """Return whether the first backlog was read, even if the journal has been lost since."""
        return self._caught_up.is_set()

    async def caught_up(self) -> None:
        """Return once the whole backlog is in the table."""
        await self._caught_up.wait()

    async def run(self) -> None:
        """Follow the journal; open it again whenever it is lost."""
        delay = _MIN_DELAY_S
        while True:
            try:
                await self._follow()
            except InstanceUnavailable as error:
                if self.ready and time.monotonic() - self._followed >= _MAX_DELAY_S:
                    delay = _MIN_DELAY_S
                self._lose(error.detail)
            except TableFull as error:
                self._lose(str(error))
                # Not `silence`, which the answer to a ping clears.
                self._why_gave_up = str(error)
                self.gave_up.set()
                return
            except Exception:
                self._lose("an internal error")
                raise
            finally:
                self.ready = False
            # Jitter keeps the replicas of one instance from requesting the backlog simultaneously.
            await asyncio.sleep(delay * random.uniform(0.5, 1.0))  # noqa: S311
            delay = min(delay * 2, _MAX_DELAY_S)

    def fall_silent(self, reason: str, since: float) -> None:
        """Note that the instance has not answered, and tell clients, unless it sends changes.

        Args:
            reason: A sentence that explains it.
            since: When it was asked, in seconds of :func:`time.monotonic`.
        """
        self.silence = reason
        if self._silent_since is None and self._taken < since:
            self._silent_since = time.time() - (time.monotonic() - since)
            self._tell_clients()

    def break_silence(self) -> None:
        """Note that the instance answers, and tell clients."""
        self.silence = None
        if self._silent_since is not None:
            self._silent_since = None
            self._tell_clients()

    @property
    def unanswered_since(self) -> float | None:
        """Return since when the journal is lost or the instance silent (seconds since 1970)."""
        return self._silent_since if self.lost_since is None else self.lost_since

    def _tell_clients(self) -> None:
        self.hub.set_lost(self.unanswered_since)

    def _lose(self, reason: str) -> None:
        """Tell clients that the journal is not followed, until :meth:`_arrive`."""
        if self.lost_since is None:
            self.lost_since = time.time() if self._silent_since is None else self._silent_since
            self.losses += 1
            self._tell_clients()
            _log.warning("journal lost: %s", reason)
            for told in list(self.on_lost):
                told()

    async def _follow(self) -> None:
        stream = self.instance.changes()
        try:
            async for batch in stream:
                if batch:
                    await self._take(batch)
                elif self.ready and not self.hub.groups:
                    await self.waiters.none_for(_UNWATCHED_PAUSE_S)
                del batch  # Large jobspecs in it would stay until the next batch comes.
        finally:
            closing = getattr(stream, "aclose", None)
            if closing is not None:
                await closing()
        raise InstanceUnavailable("The journal ended.")

    async def _take(self, batch: ChangeBatch) -> None:
        self._taken = time.monotonic()
        if self._silent_since is not None and self.ready:
            self.break_silence()
        pieces = list(_pieces(batch, is_live=not self.table.replaying))
        for number, piece in enumerate(pieces, 1):
            if self._turn is not None:
                await self._turn.share()
            changes = self.table.feed(piece)
            if self.table.replaying:
                self.ready = False
            if self.table.history is None:
                self.hub.publish(changes)
                if changes.posted and self.ready:
                    self._published = time.monotonic()
                    # Events from before the backlog was read are no later than the backlog.
                    posted = max(changes.posted[-1].event.timestamp, self._arrived)
                    self.lag = max(time.time() - posted, 0.0)
            self._tell(piece, changes)
            self.waiters.wake(changes)
            if not self.ready and not self.table.replaying:
                await self._arrive()
            if number < len(pieces):
                await asyncio.sleep(0)

    def _tell(self, piece: ChangeBatch, changes: Changes) -> None:
        for observer in self.observers:
            # The table and the subscribers must not suffer from other observers of the journal.
            try:
                observer(piece, changes)
            except Exception:  # noqa: BLE001, PERF203 - each observer is on its own
                self.observer_failures += 1
                if self.observer_failures == 1:
                    _log.exception(
                        "an observer of the journal failed; further failures are only counted"
                    )

    async def _arrive(self) -> None:
        """Publish from here on: the backlog is in the table."""
        for _ in self.table.index.settle():
            await asyncio.sleep(0)
        if not self._caught_up.is_set():
            for _ in self.hub.start():
                await asyncio.sleep(0)
        self.ready = True
        self._arrived = time.time()
        self._followed = time.monotonic()
        self._caught_up.set()
        if self.lost_since is not None:
            _log.info("journal back after %.1f s", time.time() - self.lost_since)
            self.lost_since = None
        self.break_silence()
        self._tell_clients()


def _pieces(batch: ChangeBatch, *, is_live: bool) -> Iterator[ChangeBatch]:
    """Yield a batch in pieces."""
    piece: ChangeBatch = []
    events = 0
    for message in _split(batch, is_live=is_live):
        piece.append(message)
        is_last = len(piece) == _MAX_PIECE_MESSAGES
        if isinstance(message, JournalMessage):
            events += len(message.events)
            # Messages after the backlog are published, so a piece ends with the sentinel.
            is_last = is_last or events >= _MAX_PIECE_EVENTS or message.is_sentinel
        elif isinstance(message, Purged):
            is_last = is_last or len(message.ids) == _MAX_PIECE_MESSAGES
        if is_last:
            yield piece
            piece, events = [], 0
    if piece:
        yield piece


def _split(batch: ChangeBatch, *, is_live: bool) -> Iterator[Change]:
    """Yield the changes of a batch, those of very many jobs or events in parts.

    Only a program that poses as an instance sends many events in a live message. In a listing, a
    message has all events of its job.
    """
    for message in batch:
        if isinstance(message, Purged):
            for start in range(0, len(message.ids), _MAX_PIECE_MESSAGES):
                yield Purged(message.ids[start : start + _MAX_PIECE_MESSAGES])
        elif isinstance(message, Resync) or message.is_sentinel:
            is_live = not isinstance(message, Resync)
            yield message
        elif is_live and len(message.events) > _MAX_PIECE_EVENTS:
            for start in range(0, len(message.events), _MAX_PIECE_EVENTS):
                events = message.events[start : start + _MAX_PIECE_EVENTS]
                yield JournalMessage(
                    message.id, events, message.jobspec, message.R, message.partial
                )
        else:
            yield message

"""The deliveries of one webhook that wait: in lanes, each of which is sent in order.

All times are those of the monotonic clock: the clock of the system may be set meanwhile.
"""

from __future__ import annotations

import heapq
import time
from collections import deque
from collections.abc import Iterator

from .backoff import MAX_AGE_S
from .port import Pending
from .webhook import Matcher, Webhook

__all__ = ["MAX_PENDING", "MAX_PENDING_BYTES", "Hook"]

MAX_PENDING = 10_000
MAX_PENDING_BYTES = 64 << 20
"""Deliveries of one webhook that wait; events beyond stay with the instance and are read later."""


class Hook:
    """One webhook at work.

    Attributes:
        webhook: Its stored state.
        matcher: Its filter.
        failures: Failures of the target in a row.
        window: Messages that may be under way.
        resume_at: When the target is tried again, by the monotonic clock.
        active: Lanes whose first delivery is under way.
        queued: Notices that are not stored yet.
        dirty: Jobs whose events are not stored: the index of the first such event.
        states: Marks of queues and nodes that were told of and have not changed since.
        max_pending, max_pending_bytes: The share of this webhook in all that may wait.
        is_changed: True if the state has changed since it was stored.
    """

    def __init__(self, webhook: Webhook, states: set[str] | None = None) -> None:
        self.webhook = webhook
        self.matcher = Matcher(webhook.kinds, webhook.filter)
        self.failures = 0
        self.window = 1
        self.resume_at = 0.0
        self.active: set[str] = set()
        self.queued = 0
        self.dirty: dict[int, int] = {}
        self.states = states or set()
        self.is_changed = False
        self.pending = 0
        self.pending_bytes = 0
        self.max_pending = MAX_PENDING
        self.max_pending_bytes = MAX_PENDING_BYTES
        self._lanes: dict[str, deque[Pending]] = {}
        self._ready: deque[str] = deque()
        self._waiting: list[tuple[float, str]] = []

    @property
    def id(self) -> str:
        """Return the ID of the webhook."""
        return self.webhook.id

    @property
    def has_room(self) -> bool:
        """Return whether another delivery may be stored."""
        return (
            self.pending + self.queued < self.max_pending
            and self.pending_bytes < self.max_pending_bytes
        )

    @property
    def has_reserve(self) -> bool:
        """Return whether a notice that cannot be read again may be stored."""
        return self.pending + self.queued < 2 * self.max_pending

    @property
    def has_much_room(self) -> bool:
        """Return whether so few wait that it is worth reading events again."""
        return (
            self.pending + self.queued < self.max_pending // 2
            and self.pending_bytes < self.max_pending_bytes // 2
        )

    def miss(self, jobid: int, index: int, at: float) -> None:
        """Note that the events of a job from *index* on are not stored."""
        self.dirty.setdefault(jobid, index)
        behind = self.webhook.behind
        if behind is None or at < behind:
            self.webhook.behind = at
            self.is_changed = True

    def catch_up(self) -> None:
        """Note that all events are stored, if they are."""
        if not self.dirty and self.webhook.behind is not None:
            self.webhook.behind = None
            self.is_changed = True

    def add(self, item: Pending) -> None:
        """Add a delivery that is stored, with times of the system clock."""
        item = _by_monotonic_clock(item)
        self.pending += 1
        self.pending_bytes += item.size
        lane = self._lanes.get(item.lane)
        if lane is None:
            self._lanes[item.lane] = deque([item])
            if item.due > time.monotonic():
                heapq.heappush(self._waiting, (item.due, item.lane))
            else:
                self._ready.append(item.lane)
        else:
            lane.append(item)

    def start(self) -> Pending | None:
        """Return the next delivery to send, if there is one, and make its lane active."""
        now = time.monotonic()
        while self._waiting and self._waiting[0][0] <= now:
            self._ready.append(heapq.heappop(self._waiting)[1])
        while self._ready:
            name = self._ready.popleft()
            lane = self._lanes.get(name)
            if lane and name not in self.active:
                self.active.add(name)
                return lane[0]
        return None

    def next_due(self) -> float | None:
        """Return when the next lane that waits may go on."""
        return self._waiting[0][0] if self._waiting else None

    def finish(self, item: Pending) -> Pending | None:
        """Remove an active lane's first delivery, and return the next, which is then active."""
        lane = self._lanes.get(item.lane)
        if not lane or lane[0].seq != item.seq:
            self.active.discard(item.lane)
            return None
        lane.popleft()
        self._forget(item)
        if lane:
            return lane[0]
        del self._lanes[item.lane]
        self.active.discard(item.lane)
        return None

    def release(self, name: str, due: float | None = None) -> None:
        """End the activity of a lane; it goes on at *due*, or when others have had their turn."""
        self.active.discard(name)
        if name not in self._lanes:
            return
        if due is None:
            self._ready.append(name)
        else:
            heapq.heappush(self._waiting, (due, name))

    def put_off(self, item: Pending, attempts: int, due: float) -> None:
        """Note a failed attempt of an active lane's first delivery."""
        lane = self._lanes.get(item.lane)
        if lane and lane[0].seq == item.seq:
            lane[0] = item._replace(attempts=attempts, due=due)

    def take_old(self, before: float) -> list[Pending]:
        """Remove and return the deliveries of inactive lanes that are older than *before*."""
        found: list[Pending] = []
        for name, lane in list(self._lanes.items()):
            if name in self.active:
                continue
            while lane and lane[0].created < before:
                item = lane.popleft()
                self._forget(item)
                found.append(item)
            if not lane:
                del self._lanes[name]
        return found

    def take_all(self) -> list[Pending]:
        """Remove and return all deliveries."""
        found = list(self._all())
        self._lanes.clear()
        self._ready.clear()
        self._waiting.clear()
        self.pending = self.pending_bytes = 0
        return found

    def _all(self) -> Iterator[Pending]:
        for lane in self._lanes.values():
            yield from lane

    def _forget(self, item: Pending) -> None:
        self.pending -= 1
        self.pending_bytes -= item.size


def _by_monotonic_clock(item: Pending) -> Pending:
    """Return a delivery with its times by the monotonic clock.

    The system clock may have been wrong when it was stored: it waits no longer than it may be old.
    """
    now, here = time.time(), time.monotonic()
    due = here + min(item.due - now, MAX_AGE_S)
    return item._replace(due=due, created=here + min(item.created - now, 0.0))

"""Counts the jobs of many instances on one thread, without reading the jobs.

Each instance costs one connection with one request (``job-list.job-stats``, streaming), which the
instance answers when a job changes state, at most five times a second. After such an answer, the
scheduler is asked for the resources in use (``resource.sched-status``), so nothing happens while no
job changes state.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import select
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

from fluxapi.model.job import STATES
from fluxapi.model.shallow import BAD_JSON

from . import refusal
from .outbox import Outbox
from .polling_thread import PollingThread
from .utilization import read_utilization
from .wire import Connection, Message

__all__ = ["Counter", "CounterThread", "Counts", "Utilization", "read_counts"]

_log = logging.getLogger(__name__)

Counts = dict[str, Any]
"""Jobs by state and result, in the form of the API."""

Leave = Callable[[], None]
"""Closes the way to an instance."""

Utilization = dict[str, dict[str, int]]
"""Nodes, cores and GPUs: how many there are, and how many of them jobs have."""

_TAG, _RESOURCES_TAG = 1, 2
_RANK_0 = 0
_SLICE_MESSAGES = 8
_MAX_MESSAGE_BYTES = 1 << 20
_MAX_COUNT = (1 << 53) - 1
_RESOURCES_INTERVAL_S = 2.0
_REQUESTS_PER_CHANGE = 2
"""A job that ends frees its resources a moment after it has changed state, so ask once more."""

_CONNECT_TIMEOUT_S = 1.0
"""Timeout of one connection, since the others wait meanwhile."""

_MAX_MESSAGES, _PER_SECONDS = 200, 20.0
"""Messages of one instance in a period; an honest one sends half as many."""

_RESULTS = {
    "COMPLETED": "successful",
    "FAILED": "failed",
    "CANCELED": "canceled",
    "TIMEOUT": "timeout",
}


class _Stats(msgspec.Struct):
    job_states: dict[str, int]
    successful: int = 0
    failed: int = 0
    canceled: int = 0
    timeout: int = 0


_decoder = msgspec.json.Decoder(_Stats)


class Counter:
    """The counts of one instance.

    Attributes:
        counts: The newest counts, or ``None`` before the first.
        utilization: The resources in use, or ``None`` if they are not known.
        problem: Why there are no more, or ``None``.
    """

    def __init__(self, uri: str, stop: Callable[[Counter], None], leave: Leave) -> None:
        self.uri = uri
        self.counts: Counts | None = None
        self.utilization: Utilization | None = None
        self.problem: str | None = None
        self._stop = stop
        self._leave = leave
        # Only the thread uses the following attributes.
        self.connection: Connection | None = None
        self.descriptor = -1
        self.received = 0
        self.since = 0.0
        self.unasked = 0
        """Requests for the resources that are still to send."""
        self.is_asking = False
        self.asked_at = float("-inf")

    def take(self, counts: Counts) -> None:
        """Take new counts."""
        self.counts = counts

    def take_utilization(self, utilization: Utilization | None) -> None:
        """Take what is in use now; ``None``: the scheduler does not tell."""
        self.utilization = utilization

    def end(self, problem: str) -> None:
        """Note that there are no more counts."""
        if self.problem is None:
            self.problem = problem
            self._leave()

    def close(self) -> None:
        """Stop counting; see :class:`~fluxapi.instance.protocol.JobCounter`."""
        self._stop(self)


class CounterThread(PollingThread):
    """A thread that keeps the counts of many instances current."""

    def __init__(self, bindings: Any) -> None:
        super().__init__("flux-counter")
        self._bindings = bindings
        self._outbox = Outbox(asyncio.get_running_loop())
        self._added: deque[Counter] = deque()
        self._removed: deque[Counter] = deque()
        # Only the thread uses the following attributes.
        self._counters: set[Counter] = set()
        self._poll = select.poll()
        self._poll.register(self._wakeup.fileno(), select.POLLIN)
        self._thread.start()

    def add(self, uri: str, leave: Leave) -> Counter:
        """Count the jobs of the instance at *uri*; *leave* is called once this has ended."""
        counter = Counter(uri, self._remove, leave)
        self._added.append(counter)
        self._wakeup.set()
        return counter

    def _remove(self, counter: Counter) -> None:
        self._removed.append(counter)
        self._wakeup.set()

    def _run(self) -> None:
        try:
            while not self._closing.is_set():
                self._obey()
                busy = [self._receive(counter) for counter in list(self._counters)]
                self._outbox.hand_over()
                due = self._ask()
                self._poll.poll(0 if any(busy) else due)
                self._wakeup.clear()
        except Exception:  # noqa: BLE001 - nobody else would tell of it
            _log.exception("the thread that counts jobs failed")
        finally:
            for counter in list(self._counters):
                self._drop(counter, "The counting has stopped.")

    def _obey(self) -> None:
        while self._added and not self._closing.is_set():
            counter = self._added.popleft()
            try:
                self._connect(counter)
            except OSError as error:
                self._drop(counter, refusal.lost(error.strerror or str(error)).detail)
        while self._removed:
            self._drop(self._removed.popleft(), "It is not counted anymore.")

    def _connect(self, counter: Counter) -> None:
        connection = Connection(self._bindings, counter.uri, _CONNECT_TIMEOUT_S)
        counter.connection, counter.descriptor = connection, connection.descriptor
        counter.since = time.monotonic()
        self._counters.add(counter)
        self._poll.register(counter.descriptor, select.POLLIN)
        connection.request(b"job-list.job-stats", b"{}", _TAG, streaming=True)

    def _ask(self) -> float | None:
        """Ask for the resources of instances whose jobs have changed.

        Returns:
            Milliseconds until the next request is due, or ``None``.
        """
        now = time.monotonic()
        due: float | None = None
        for counter in list(self._counters):
            connection = counter.connection
            if not counter.unasked or counter.is_asking or connection is None:
                continue
            left = counter.asked_at + _RESOURCES_INTERVAL_S - now
            if left > 0:
                due = left if due is None else min(due, left)
                continue
            counter.unasked -= 1
            counter.is_asking, counter.asked_at = True, now
            try:
                connection.request(b"resource.sched-status", b"{}", _RESOURCES_TAG, node=_RANK_0)
            except OSError as error:
                self._drop(counter, refusal.lost(error.strerror or str(error)).detail)
        return None if due is None else due * 1000

    def _receive(self, counter: Counter) -> bool:
        """Take what has arrived; return whether there may be more."""
        connection = counter.connection
        if connection is None:
            return False
        try:
            has_more = self._take(counter, connection)
        except (OSError, *BAD_JSON) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            self._drop(counter, f"The jobs cannot be counted: {reason or error}.")
            return False
        return has_more

    def _take(self, counter: Counter, connection: Connection) -> bool:
        newest: Counts | None = None
        connection.flush()
        for _ in range(_SLICE_MESSAGES):
            message = connection.receive()
            if message is None:
                break
            if message.tag == _RESOURCES_TAG:
                self._take_resources(counter, message)
                continue
            if message.error:
                raise OSError(message.error, message.payload.decode("utf-8", "replace"))
            self._admit(counter, message.payload)
            newest = read_counts(message.payload)
        if newest is not None:
            self._outbox.post(counter.take, newest)
            counter.unasked = _REQUESTS_PER_CHANGE
        return connection.is_ready()

    def _take_resources(self, counter: Counter, message: Message) -> None:
        """Take the answer of the scheduler; an invalid one leaves the counts as they are."""
        if not counter.is_asking:
            raise ValueError("the instance sends more than it should")
        counter.is_asking = False
        found: Utilization | None = None
        if not message.error:
            with contextlib.suppress(*BAD_JSON):
                found = read_utilization(message.payload)
        self._outbox.post(counter.take_utilization, found)

    def _admit(self, counter: Counter, payload: bytes) -> None:
        """Raise ``ValueError`` if an instance sends too much."""
        counter.received += 1
        now = time.monotonic()
        if now - counter.since > _PER_SECONDS:
            counter.received, counter.since = 1, now
        if counter.received > _MAX_MESSAGES or len(payload) > _MAX_MESSAGE_BYTES:
            raise ValueError("the instance sends more than it should")

    def _drop(self, counter: Counter, problem: str) -> None:
        # A counter may be dropped twice, and another one may have its descriptor by then.
        if counter in self._counters:
            self._counters.remove(counter)
            self._poll.unregister(counter.descriptor)
        connection, counter.connection = counter.connection, None
        if connection is not None:
            connection.close()
        self._outbox.post(counter.end, problem)
        self._outbox.hand_over()


def read_counts(payload: bytes) -> Counts:
    """Return the counts in a response; raise ``ValueError`` or ``MsgspecError`` for others."""
    stats = _decoder.decode(payload)
    states = {state: _count(stats.job_states.get(state.lower(), 0)) for state in STATES}
    results = {name: _count(getattr(stats, field)) for name, field in _RESULTS.items()}
    return {
        "total": sum(states.values()),
        "states": {name: count for name, count in states.items() if count},
        "results": {name: count for name, count in results.items() if count},
    }


def _count(number: int) -> int:
    if not 0 <= number <= _MAX_COUNT:
        raise ValueError("a count is out of range")
    return number

"""Threads that start jobs; one that is stuck is replaced.

The start of a job looks at paths that the job names, such as its working directory. They may be on
a file server that does not answer, for which no other job must wait. A job that is stuck holds its
cores, so there are never more such threads than cores.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable

__all__ = ["LaunchThreads"]

_log = logging.getLogger(__name__)

STUCK_S = 1.0
"""Time with one job after which a thread does not count anymore."""


class LaunchThreads:
    """At most *count* threads that are not stuck; they end when there is no work."""

    def __init__(self, name: str, count: int) -> None:
        self._name = name
        self._count = count
        self._loop = asyncio.get_running_loop()
        self._queue: deque[Callable[[], None]] = deque()
        self._lock = threading.Lock()
        self._begun: dict[threading.Thread, float] = {}
        """When each thread has begun with its present work, by the monotonic clock."""
        self._check_again: asyncio.TimerHandle | None = None

    def submit(self, work: Callable[[], None]) -> None:
        """Have a thread do *work* soon; this is called on the event loop."""
        with self._lock:
            self._queue.append(work)
        self._check()

    def _check(self) -> None:
        """Start a thread if there is work and too few are at it."""
        now = time.monotonic()
        with self._lock:
            able = sum(now - begun < STUCK_S for begun in self._begun.values())
            is_needed = bool(self._queue) and able < self._count
            if is_needed:
                # Never waited for at the end of the process.
                thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._begun[thread] = now
        if is_needed:
            try:
                thread.start()
            except RuntimeError as error:
                # Jobs have all threads that the user may have; it is tried again.
                _log.warning("no thread can be started: %s", error)
                with self._lock:
                    del self._begun[thread]
        if self._check_again is None and self._queue:
            self._check_again = self._loop.call_later(STUCK_S, self._check_later)

    def _check_later(self) -> None:
        self._check_again = None
        self._check()

    def _run(self) -> None:
        own = threading.current_thread()
        while True:
            with self._lock:
                if not self._queue:
                    del self._begun[own]
                    return
                work = self._queue.popleft()
                self._begun[own] = time.monotonic()
            try:
                work()
            except Exception:  # noqa: BLE001 - the work of others follows
                _log.exception("the start of a job failed")

"""Tasks of the event loop that run until they are closed, and are restarted when they fail."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import math
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable

__all__ = ["BackgroundTask", "Worker"]

_log = logging.getLogger(__name__)

_MIN_DELAY_S, _MAX_DELAY_S = 0.1, 5.0
"""Bounds of the pause after a failure; it doubles with each failure in a row."""

_STABLE_S = 60.0
"""Time without a failure after which a task counts as mended."""

_MAX_FAILURES = 3
"""Failures in a row after which a task is reported as one that keeps failing."""


class BackgroundTask(ABC):
    """A task that runs :meth:`run` until :meth:`aclose`, and runs it again after a failure.

    A failure is logged with its traceback and counted, so a bug in one task is neither silent nor
    the end of the task.

    Attributes:
        name: The name of the task in the log, in metrics and in ``/ready``.
        failures: How often the task has failed.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.failures = 0
        self._failures_in_a_row = 0
        self._failed_at = float("-inf")
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    @abstractmethod
    async def run(self) -> None:
        """Do the work of the task; an exception restarts it, a return ends it."""

    @property
    def keeps_failing(self) -> bool:
        """Return whether the task has failed several times in a row, most recently just now."""
        return self._failures_in_a_row >= _MAX_FAILURES and self._is_unstable

    @property
    def is_running(self) -> bool:
        """Return whether the task has started and not ended."""
        return self._task is not None and not self._task.done()

    def start(self) -> None:
        """Start the task on the running loop, unless it runs."""
        if self.is_running:
            return
        self._closing = False
        loop = asyncio.get_running_loop()
        # The task works for all clients, not for the one whose request happens to start it.
        context = contextvars.Context()
        self._task = context.run(loop.create_task, self._supervise(), name=self.name)

    async def aclose(self) -> None:
        """Cancel the task and return when it has ended."""
        self._closing = True
        if self._task is not None:
            self._task.cancel()
            await self.ended()
            # asyncio keeps a list of the tasks that are alive, which the end of a loop reads.
            self._task = None

    async def ended(self) -> None:
        """Return when the task has ended."""
        if self._task is not None:
            await asyncio.wait({self._task})

    @property
    def _is_unstable(self) -> bool:
        return time.monotonic() - self._failed_at < _STABLE_S

    async def _supervise(self) -> None:
        while True:
            try:
                await self.run()
            except asyncio.CancelledError:
                if not self._closing:
                    _log.error("the task %s was canceled and no longer runs", self.name)
                raise
            except Exception:  # noqa: BLE001 - this is the one place that handles all failures
                delay = self._fail()
                _log.exception("the task %s failed; it restarts in %.1f s", self.name, delay)
            else:
                return
            await asyncio.sleep(delay)

    def _fail(self) -> float:
        """Count a failure, and return the pause before the next start."""
        self._failures_in_a_row = self._failures_in_a_row + 1 if self._is_unstable else 1
        self._failed_at = time.monotonic()
        self.failures += 1
        # The exponent is bounded, since a float is.
        doubled = math.ldexp(_MIN_DELAY_S, min(self._failures_in_a_row - 1, 16))
        # Jitter keeps several services from requesting the same work simultaneously.
        return min(doubled, _MAX_DELAY_S) * random.uniform(0.5, 1.0)  # noqa: S311


class Worker(BackgroundTask):
    """A background task that does *work* and ends; it is started whenever there is work."""

    def __init__(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        super().__init__(name)
        self._work = work

    async def run(self) -> None:
        """Do the work."""
        await self._work()

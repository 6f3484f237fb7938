"""A value that is expensive to compute and that many callers want at the same time."""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from .admission import AdmissionLimiter

__all__ = ["SharedValue"]

_SHARE = 10
"""A value is kept so many times as long as it took, so that a tenth of the time goes into it."""

T = TypeVar("T")


class SharedValue(Generic[T]):
    """A value that is computed for all callers at once, and kept for a moment.

    Args:
        compute: Returns the value. An exception goes to all who wait for it, and is not kept.
        seconds: How long a value is returned again; longer if it takes long to compute.
        for_all: The computation has turns of the service, not those of the client who asks first.
    """

    def __init__(
        self, compute: Callable[[], Awaitable[T]], seconds: float, *, for_all: bool = True
    ) -> None:
        self._compute = compute
        self._seconds = seconds
        self._for_all = for_all
        self._task: asyncio.Task[T] | None = None
        self._kept: tuple[T, float] | None = None
        self._resumed = AdmissionLimiter()

    @property
    def is_busy(self) -> bool:
        """Return whether callers wait for a computation that is under way."""
        return self._task is not None

    async def get(self) -> T:
        """Return the value, computed a moment ago or now; a canceled caller cancels no other.

        Of hundreds of callers who wait for it, a few go on in each pass of the event loop.
        """
        if self._kept is not None and time.monotonic() < self._kept[1]:
            return self._kept[0]
        if self._task is None:
            context = contextvars.Context() if self._for_all else contextvars.copy_context()
            self._task = context.run(asyncio.ensure_future, self._run())
            self._task.add_done_callback(self._finish)
        value = await asyncio.shield(self._task)
        await self._resumed.take()
        return value

    async def _run(self) -> T:
        began = time.monotonic()
        value = await self._compute()
        now = time.monotonic()
        self._kept = value, now + max(self._seconds, (now - began) * _SHARE)
        return value

    def _finish(self, task: asyncio.Task[T]) -> None:
        self._task = None
        if not task.cancelled():
            # Every caller may be gone, and nobody else reads the exception then.
            task.exception()

    async def aclose(self) -> None:
        """Cancel a computation that is under way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

"""A call that is expensive and that many callers make at the same time."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from .admission import AdmissionLimiter

__all__ = ["JoinedCall"]

T = TypeVar("T")


class JoinedCall(Generic[T]):
    """A call that is made once for all who ask before it begins; one is under way at a time.

    Nobody gets a value from before the request, unlike from
    :class:`~fluxapi.process.shared_value.SharedValue`.

    Args:
        call: Returns the value. It has turns of the service, not those of a client. An exception
            goes to all who wait for it.
    """

    def __init__(self, call: Callable[[], Awaitable[T]]) -> None:
        self._call = call
        self._current: asyncio.Task[T] | None = None
        self._next: asyncio.Task[T] | None = None
        self._resumed = AdmissionLimiter()

    @property
    def is_awaited(self) -> bool:
        """Return whether somebody has asked for a call that has not begun."""
        return self._next is not None

    async def get(self) -> T:
        """Return the value of a call that begins now, or after the one that is under way.

        A canceled caller cancels no other. Of hundreds of callers who wait, a few go on in each
        pass of the event loop.
        """
        if self._next is None:
            self._next = contextvars.Context().run(asyncio.ensure_future, self._run(self._current))
            self._next.add_done_callback(_read)
        value = await asyncio.shield(self._next)
        await self._resumed.take()
        return value

    async def _run(self, before: asyncio.Task[T] | None) -> T:
        if before is not None:
            await asyncio.wait([before])
        self._current, self._next = self._next, None
        try:
            return await self._call()
        finally:
            # The task keeps its value.
            self._current = None

    async def aclose(self) -> None:
        """Cancel the calls."""
        open_ = [task for task in (self._current, self._next) if task is not None]
        for task in open_:
            task.cancel()
        if open_:
            await asyncio.wait(open_)


def _read(task: asyncio.Task[T]) -> None:
    """Read the exception: every caller may be gone, and nobody else reads it then."""
    if not task.cancelled():
        task.exception()

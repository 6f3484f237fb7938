"""Blocking calls about paths; a call that does not return makes room for another one."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

from .daemon_threads import call_in_thread
from .timeout import within

__all__ = ["ReplacedThreads"]

T = TypeVar("T")

LATE_S = 1.0
"""Time after which a call does not count anymore, so that another one begins."""

_MAX_LATE = 256
"""Late calls beyond which another one keeps its place, since each has a thread."""

_MAX_LATE_OF_PATH = 4
"""Late calls about one path, after which it gets no further one before one of them returns."""


class ReplacedThreads:
    """A runner of blocking calls, *limit* at a time besides those that are late.

    A path may lead to a file server that does not answer, and is not touched to find out. So
    neither the calls about this path, nor those about others there, delay calls about other paths.
    """

    def __init__(self, name: str, limit: int) -> None:
        self._name = name
        self._slots = asyncio.Semaphore(limit)
        self._late: Counter[str] = Counter()

    async def run(
        self, timeout: float, path: str, function: Callable[..., T], *arguments: Any
    ) -> T:
        """Return the result of a call about *path*.

        Raises:
            asyncio.TimeoutError: It comes too late, or so did those before it.
        """
        return await within(timeout, self._run(path, function, arguments))

    async def _run(self, path: str, function: Callable[..., T], arguments: tuple[Any, ...]) -> T:
        self._check(path)
        await self._slots.acquire()
        is_late = False

        def be_late() -> None:
            nonlocal is_late
            if self._late.total() < _MAX_LATE:
                is_late = True
                self._late[path] += 1
                self._slots.release()

        def ended() -> None:
            timer.cancel()
            if not is_late:
                self._slots.release()
                return
            self._late[path] -= 1
            if not self._late[path]:
                del self._late[path]

        timer = asyncio.get_running_loop().call_later(LATE_S, be_late)
        try:
            self._check(path)
        except asyncio.TimeoutError:
            ended()
            raise
        return await call_in_thread(self._name, function, arguments, ended)

    def _check(self, path: str) -> None:
        if self._late.get(path, 0) >= _MAX_LATE_OF_PATH:
            raise asyncio.TimeoutError

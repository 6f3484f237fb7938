"""Blocking calls in threads that never delay the end of the process."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from .timeout import within

__all__ = ["DaemonThreads", "call_in_thread"]

T = TypeVar("T")


class DaemonThreads:
    """A runner of blocking calls, at most *limit* at the same time.

    A call that is stuck in the kernel, as on a file server that does not answer, keeps its place
    and its thread until the kernel lets it go. Threads of an executor would delay the exit of the
    process that long.
    """

    def __init__(self, name: str, limit: int) -> None:
        self._name = name
        self._slots = asyncio.Semaphore(limit)

    async def run(self, timeout: float | None, function: Callable[..., T], *arguments: Any) -> T:
        """Return the result of the call; raise ``asyncio.TimeoutError`` if it comes too late.

        ``None`` is without limit.
        """
        return await within(timeout, self._run(function, arguments))

    async def _run(self, function: Callable[..., T], arguments: tuple[Any, ...]) -> T:
        await self._slots.acquire()
        return await call_in_thread(self._name, function, arguments, self._slots.release)


async def call_in_thread(
    name: str,
    function: Callable[..., T],
    arguments: tuple[Any, ...],
    ended: Callable[[], None],
) -> T:
    """Return the result of a call in a thread; *ended* is called when the thread has ended.

    Raises:
        RuntimeError: No thread can be started.
    """
    loop = asyncio.get_running_loop()
    result: asyncio.Future[T] = loop.create_future()

    def finish(value: T | None, error: BaseException | None) -> None:
        ended()
        if result.done():
            return
        if error is None:
            result.set_result(value)  # type: ignore[arg-type] # there is no error
        else:
            result.set_exception(error)

    def work() -> None:
        value, failure = None, None
        try:
            value = function(*arguments)
        except BaseException as error:  # noqa: BLE001 - it is raised on the loop
            failure = error
        # The loop may have been closed meanwhile.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(finish, value, failure)

    try:
        threading.Thread(target=work, name=name, daemon=True).start()
    except RuntimeError:
        ended()
        raise
    return await result

"""An event loop in a thread, for programs without one or whose loop is busy."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import threading
import weakref
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Coroutine, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .errors import ClientError
from .pagination import Paged

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Iteration", "LoopThread", "each_of"]

T = TypeVar("T")

_MAX_CHUNK_ITEMS = 256
"""Items taken from an iterable at a time."""

_SHUTDOWN_TIMEOUT_S = 5.0
"""Seconds that an interrupted coroutine may take to end."""


class LoopThread:
    """A thread that runs coroutines for others. It starts with the first and ends with Python."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._owner = os.getpid()
        self._closed = False
        self._iterated: weakref.WeakSet[Any] = weakref.WeakSet()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine and return its result; cancel it if the caller is interrupted."""
        try:
            loop = self._running()
        except BaseException:
            work.close()
            raise
        over = threading.Event()

        async def watched() -> T:
            try:
                return await work
            finally:
                over.set()

        future = asyncio.run_coroutine_threadsafe(watched(), loop)
        try:
            return future.result()
        except BaseException:
            if not future.done():
                future.cancel()
                # Wait, so that its resources are free before the next call.
                over.wait(_SHUTDOWN_TIMEOUT_S)
            raise

    def iterate(self, items: AsyncIterator[T]) -> Iteration[T]:
        """Return a synchronous iterator over the items."""
        self._iterated.add(items)
        return Iteration(self, items)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Start a coroutine without waiting for it."""
        if self._loop is None or self._closed or not self._loop.is_running():
            work.close()
        else:
            asyncio.run_coroutine_threadsafe(work, self._loop)

    def close(self, last: Coroutine[Any, Any, Any]) -> None:
        """Run a last coroutine and end the thread; later calls do nothing."""
        with self._lock:
            loop, thread, self._closed = self._loop, self._thread, True
            self._loop = self._thread = None
        if loop is None or thread is None or not thread.is_alive():
            last.close()
            return
        asyncio.run_coroutine_threadsafe(_shut_down(last, list(self._iterated)), loop).result(
            _SHUTDOWN_TIMEOUT_S
        )
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_SHUTDOWN_TIMEOUT_S)

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._closed:
                raise ClientError("The client is closed.")
            if os.getpid() != self._owner:
                raise ClientError(
                    "The client belongs to another process: create one in this process."
                )
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=_serve, args=(self._loop,), name="fluxapi-client", daemon=True
                )
                self._thread.start()
            elif self._thread is threading.current_thread():
                raise ClientError("This call would wait for itself: use AsyncClient here.")
            return self._loop


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        loop.close()


async def _shut_down(last: Awaitable[Any], left: Iterable[Any]) -> None:
    """Await *last*, cancel all other tasks, and close the iterations *left*."""
    await last
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    # Close outer generators first: the loop closes all at once, and a generator that another one
    # reads from cannot be closed twice at the same time.
    await asyncio.gather(*map(_close, left), return_exceptions=True)
    loop = asyncio.get_running_loop()
    await loop.shutdown_asyncgens()
    # This starts a thread, which Python 3.12 and later refuse while the interpreter ends; the
    # interpreter then waits for the executor itself.
    with contextlib.suppress(RuntimeError):
        await loop.shutdown_default_executor()


class Iteration(Generic[T]):
    """An iterator over items of the client; ``close`` ends it early."""

    def __init__(self, loop: LoopThread, items: AsyncIterator[T]) -> None:
        self._loop = loop
        self._items = items
        self._buffered: deque[T] = deque()
        # A for loop that ends early leaves a request open: close it with this object.
        self._finalizer = weakref.finalize(self, _close_later, loop, items)
        self._finalizer.atexit = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        if not self._buffered:
            self._buffered.extend(self._loop.run(_next(self._items)))
        if not self._buffered:
            self._finalizer.detach()
            raise StopIteration
        return self._buffered.popleft()

    def close(self) -> None:
        """Discard the remaining items."""
        self._buffered.clear()
        if self._finalizer.detach() is not None:
            self._loop.run(_close(self._items))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


async def _next(items: AsyncIterator[T]) -> list[T]:
    """Return the next item and those received with it; an empty list at the end."""
    try:
        return await items.page() if isinstance(items, Paged) else [await items.__anext__()]
    except StopAsyncIteration:
        return []


async def _close(items: Any) -> None:
    await items.aclose()


def _close_later(loop: LoopThread, items: Any) -> None:
    loop.spawn(_close(items))


async def each_of(items: Iterable[T] | AsyncIterable[T]) -> AsyncIterator[T]:
    """Yield items, taken in another thread since creating one may need this event loop."""
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
        return
    iterator = iter(items)
    while chunk := await asyncio.to_thread(list[T], itertools.islice(iterator, _MAX_CHUNK_ITEMS)):
        for item in chunk:
            yield item

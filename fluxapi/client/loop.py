"""An event loop in a thread of its own, for programs that have none or whose own one is busy."""

from __future__ import annotations

import asyncio
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

_PIECE = 256
"""Items of an iterable that are taken at a time."""

_LAST_WORDS = 5.0
"""Seconds that what was interrupted may take to end."""


class LoopThread:
    """Runs coroutines for other threads. It begins with the first, and ends with Python."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._owner = os.getpid()
        self._closed = False
        self._iterated: weakref.WeakSet[Any] = weakref.WeakSet()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What comes of it; interrupted, it is canceled."""
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
                # What it holds must be free again before the next call.
                over.wait(_LAST_WORDS)
            raise

    def iterate(self, items: AsyncIterator[T]) -> Iteration[T]:
        """The same items for a ``for``."""
        self._iterated.add(items)
        return Iteration(self, items)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Begin something that nobody waits for."""
        if self._loop is None or self._closed or not self._loop.is_running():
            work.close()
        else:
            asyncio.run_coroutine_threadsafe(work, self._loop)

    def close(self, last: Coroutine[Any, Any, Any]) -> None:
        """Do a last thing and end the thread; once is enough."""
        with self._lock:
            loop, thread, self._closed = self._loop, self._thread, True
            self._loop = self._thread = None
        if loop is None or thread is None or not thread.is_alive():
            last.close()
            return
        asyncio.run_coroutine_threadsafe(_finish(last, list(self._iterated)), loop).result(
            _LAST_WORDS
        )
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_LAST_WORDS)

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._closed:
                raise ClientError("The client is closed.")
            if os.getpid() != self._owner:
                raise ClientError("The client is of another process: make one in this process.")
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=_serve, args=(self._loop,), name="fluxapi-client", daemon=True
                )
                self._thread.start()
            elif self._thread is threading.current_thread():
                raise ClientError("This would wait for itself: use AsyncClient here.")
            return self._loop


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        loop.close()


async def _finish(last: Awaitable[Any], left: Iterable[Any]) -> None:
    """The last thing, and the end of everything else, what is ``left`` of iterations too."""
    await last
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    # From the outside in: the loop closes all generators at once, and one that another one reads
    # from cannot be closed twice at the same time.
    await asyncio.gather(*map(_close, left), return_exceptions=True)
    loop = asyncio.get_running_loop()
    await loop.shutdown_asyncgens()
    await loop.shutdown_default_executor()


class Iteration(Generic[T]):
    """Items of the client, one by one; ``close`` ends it before its end."""

    def __init__(self, loop: LoopThread, items: AsyncIterator[T]) -> None:
        self._loop = loop
        self._items = items
        self._left: deque[T] = deque()
        # Who leaves a for early leaves a request behind, which has to end.
        self._finalizer = weakref.finalize(self, _abandon, loop, items)
        self._finalizer.atexit = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        if not self._left:
            self._left.extend(self._loop.run(_next(self._items)))
        if not self._left:
            self._finalizer.detach()
            raise StopIteration
        return self._left.popleft()

    def close(self) -> None:
        """Let go of what is left."""
        self._left.clear()
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
    """The next item, and those that came with it; nothing at the end."""
    try:
        return await items.piece() if isinstance(items, Paged) else [await items.__anext__()]
    except StopAsyncIteration:
        return []


async def _close(items: Any) -> None:
    await items.aclose()


def _abandon(loop: LoopThread, items: Any) -> None:
    loop.spawn(_close(items))


async def each_of(items: Iterable[T] | AsyncIterable[T]) -> AsyncIterator[T]:
    """Items for a coroutine, taken in another thread: to make one may need this very loop."""
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
        return
    iterator = iter(items)
    while piece := await asyncio.to_thread(list[T], itertools.islice(iterator, _PIECE)):
        for item in piece:
            yield item

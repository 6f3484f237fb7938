"""Time slices for loops over untrusted input, the cost of whose steps is not known."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple
from weakref import ReferenceType, WeakKeyDictionary, ref

from .turn_queue import TurnQueue

__all__ = ["SLICE_S", "TimeSlice", "check_client", "stop_after_client", "told_by_client"]

SLICE_S = 0.003
"""Seconds that a loop may run before it yields to other tasks."""


class _Client(NamedTuple):
    """The client for which a task works; other tasks that it starts may work for others, too.

    The context of the task holds this, so nothing of it may refer to the task.
    """

    task: ReferenceType[asyncio.Task[object]]
    has_left: Callable[[], bool]
    when_left: Callable[[Callable[[], None] | None], None]


_client: ContextVar[_Client | None] = ContextVar("client", default=None)


def _never(call: Callable[[], None] | None) -> None:
    del call


def stop_after_client(
    has_left: Callable[[], bool], when_left: Callable[[Callable[[], None] | None], None] = _never
) -> None:
    """End the loops of this task with ``ConnectionResetError`` once its client has left.

    *when_left* is given a function to call when the client leaves, or ``None`` for none anymore.
    Neither may refer to the task or to its request: both would then stay in memory until the
    garbage collector runs.
    """
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - for mypy: a coroutine calls this
    _client.set(_Client(ref(task), has_left, when_left))


class TimeSlice:
    """The time that one loop may run before it yields to the event loop.

    When many loops have used up their time, one of them goes on in each pass of the event loop, so
    that other tasks wait for one slice, not for one slice of each. Clients (``work_for``) have
    their turns one after the other.
    """

    def __init__(self, seconds: float = SLICE_S) -> None:
        self._seconds = seconds
        self._end = time.perf_counter() + seconds

    async def share(self) -> None:
        """Yield to the event loop if the time is up; call this once per step.

        Raises ``ConnectionResetError`` if :func:`stop_after_client` says so.
        """
        if time.perf_counter() >= self._end:
            await _turns_of(asyncio.get_running_loop()).take()
            check_client()
            self._end = time.perf_counter() + self._seconds


class _Turns:
    """The loops that wait to go on: those of each client in the order in which they yielded."""

    def __init__(self) -> None:
        self._waiting = TurnQueue()

    async def take(self) -> None:
        """Return in a pass of the event loop in which no other loop goes on."""
        loop = asyncio.get_running_loop()
        turn = loop.create_future()
        self._waiting.add(turn)
        if len(self._waiting) == 1:
            loop.call_soon(self._give)
        await turn

    def _give(self) -> None:
        while self._waiting:
            turn = self._waiting.take()
            if not turn.done():
                turn.set_result(None)
                break
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._give)


def check_client() -> None:
    """Raise ``ConnectionResetError`` if :func:`stop_after_client` says so: after a wait."""
    client = _own_client()
    if client is not None and client.has_left():
        raise ConnectionResetError("The client has left.")


@contextmanager
def told_by_client(call: Callable[[], None]) -> Iterator[None]:
    """Have *call* called if the client leaves while the context lasts: around a long wait.

    Raises ``ConnectionResetError`` at both ends if the client has left, as :func:`check_client`.
    """
    client = _own_client()
    if client is None:
        yield
        return
    check_client()
    client.when_left(call)
    try:
        yield
    finally:
        client.when_left(None)
    check_client()


def _own_client() -> _Client | None:
    """Return the client for which the current task works."""
    client = _client.get()
    return client if client is not None and client.task() is asyncio.current_task() else None


_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, _Turns] = WeakKeyDictionary()


def _turns_of(loop: asyncio.AbstractEventLoop) -> _Turns:
    found = _turns.get(loop)
    if found is None:
        found = _turns[loop] = _Turns()
    return found

"""Turns of several clients: each has one after the other, however much it has to do."""

from __future__ import annotations

import asyncio
from collections import deque
from contextvars import ContextVar

__all__ = ["TurnQueue", "current_client", "work_for"]

_client: ContextVar[str] = ContextVar("client", default="")
"""The name of the client for whom a task works; empty for the service itself."""


def work_for(client: str) -> None:
    """Let this task, and those that it starts, have their turns as *client*."""
    _client.set(client)


def current_client() -> str:
    """Return the name of the client for whom the current task works."""
    return _client.get()


class TurnQueue:
    """Futures that wait, by client: those of one client in their order, and clients in turn.

    So a client who sends hundreds of requests does not hold up the single one of another.
    """

    def __init__(self) -> None:
        self._queues: dict[str, deque[asyncio.Future[None]]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, turn: asyncio.Future[None]) -> None:
        """Add a future of the client for whom the current task works."""
        self._queues.setdefault(current_client(), deque()).append(turn)
        self._count += 1

    def take(self) -> asyncio.Future[None]:
        """Remove and return the next future; raise ``StopIteration`` if there is none."""
        client = next(iter(self._queues))
        queue = self._queues.pop(client)
        turn = queue.popleft()
        self._count -= 1
        if queue:
            # The others are before it now.
            self._queues[client] = queue
        return turn

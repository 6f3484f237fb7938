"""Turns for few works at a time, of which each client has some, however many it asks for."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from .turn_queue import current_client

__all__ = ["ClientTurns"]


class ClientTurns:
    """Lets *limit* works be under way at a time, *own* of them for one client.

    The works of one client begin in their order, and waiting clients take turns.
    """

    def __init__(self, limit: int, own: int) -> None:
        self._limit = limit
        self._own = own
        self._under_way: Counter[str] = Counter()
        self._queues: dict[str, dict[asyncio.Future[None], None]] = {}

    async def take(self) -> str:
        """Wait for the turn of the client for whom the current task works, and return its name.

        Call :meth:`give_back` with it at the end of the work.
        """
        client = current_client()
        if client not in self._queues and self._is_free(client):
            self._under_way[client] += 1
            return client
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queues.setdefault(client, {})[turn] = None
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._leave(client, turn)
            else:
                self.give_back(client)
            raise
        return client

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Wait for a turn, and hold it while the context lasts."""
        client = await self.take()
        try:
            yield
        finally:
            self.give_back(client)

    def give_back(self, client: str) -> None:
        """End a work of a client, so that another one begins."""
        self._under_way[client] -= 1
        if not self._under_way[client]:
            del self._under_way[client]
        while (following := next(filter(self._is_free, self._queues), None)) is not None:
            self._begin(following)

    def _is_free(self, client: str) -> bool:
        is_room = self._under_way.total() < self._limit
        return is_room and self._under_way.get(client, 0) < self._own

    def _begin(self, client: str) -> None:
        queue = self._queues.pop(client)
        turn = next(iter(queue))
        del queue[turn]
        if queue:
            # The others are before it now.
            self._queues[client] = queue
        if not turn.done():
            self._under_way[client] += 1
            turn.set_result(None)

    def _leave(self, client: str, turn: asyncio.Future[None]) -> None:
        queue = self._queues.get(client, {})
        queue.pop(turn, None)
        if not queue:
            self._queues.pop(client, None)

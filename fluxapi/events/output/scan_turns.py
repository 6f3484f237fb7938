"""The turns of scans: few run at once, and a scan whose reader stalls gives way.

A scan keeps pieces of the output while it is open, so only a few may be open. Its reader is a
client, which may read arbitrarily slowly.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

__all__ = ["ScanTurns", "Turn"]

_MAX_SCANS = 4
"""Scans of one instance at once; others wait."""

_MAX_OF_CLIENT = 3
"""Scans of one client at once."""

_MAX_HOLD_S = 60.0
"""Time that a turn may take without a reader while others wait."""

PATIENCE_S = 1.0
"""Time that a reader may take for one item while others wait."""

_LOOK_INTERVAL_S = 0.25

Reading = AsyncGenerator[Any, None]


class Turn:
    """The turn of one scan.

    Attributes:
        client: The reader.
        is_lost: The reader took too long for an item, and another scan has the turn.
    """

    def __init__(self, client: str, reading: Reading) -> None:
        self.client = client
        self.is_lost = False
        self._reading = reading
        self._since: float | None = None
        self._closing: asyncio.Task[None] | None = None

    @contextmanager
    def giving(self) -> Iterator[None]:
        """Note that the reader has an item, while the context lasts."""
        self._since = time.monotonic()
        try:
            yield
        finally:
            self._since = None

    def is_over(self, now: float) -> bool:
        """Return whether the reader takes too long for an item."""
        return self._since is not None and now - self._since >= PATIENCE_S

    def lose(self) -> None:
        """Free what the scan keeps. It does not run, since its reader has an item."""
        self.is_lost = True
        self._closing = asyncio.create_task(self._close(), name="scan that gives way")

    async def close(self) -> None:
        """Free what the scan keeps, or wait until it is freed."""
        if self._closing is None:
            await self._close()
        else:
            await asyncio.wait({self._closing})
            self._closing.result()

    async def _close(self) -> None:
        await self._reading.aclose()


class _Unread:
    """A scan whose reader gets nothing yet: when it has begun, and what ends it."""

    def __init__(self, since: float, end: Callable[[], None]) -> None:
        self.since = since
        self.end = end


class ScanTurns:
    """The turns of the scans of one instance. Clients that wait get one after the other.

    Args:
        limit: Scans at once; others wait.
        client_limit: Scans of one client at once.
    """

    def __init__(self, limit: int = _MAX_SCANS, client_limit: int = _MAX_OF_CLIENT) -> None:
        self._held: list[Turn] = []
        self._unread: dict[_Unread, None] = {}
        self._client_limit = client_limit
        self._left = limit
        self._of_client: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        self._timer: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def take(self, client: str, reading: Reading) -> AsyncIterator[Turn]:
        """Hold a turn for the scan *reading* while the context lasts, and close it after that."""
        await self._begin(client)
        turn = Turn(client, reading)
        self._held.append(turn)
        try:
            yield turn
        finally:
            if not turn.is_lost:
                self._leave(turn)
            await turn.close()

    @asynccontextmanager
    async def hold(self, client: str, end: Callable[[], None]) -> AsyncIterator[None]:
        """Hold a turn while the context lasts, in which the reader gets nothing.

        *end* is called if it takes too long while others wait.
        """
        await self._begin(client)
        unread = _Unread(time.monotonic(), end)
        self._unread[unread] = None
        try:
            yield
        finally:
            self._unread.pop(unread, None)
            self._count(client, -1)
            self._give()

    async def _begin(self, client: str) -> None:
        if self._has_turn(client):
            self._count(client, 1)
            return
        mine = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(client, deque()).append(mine)
        self._look_later()
        try:
            await mine
        except asyncio.CancelledError:
            if not mine.cancelled():
                self._count(client, -1)
                self._give()
            raise

    def _has_turn(self, client: str) -> bool:
        return self._left > 0 and self._of_client[client] < self._client_limit

    def _count(self, client: str, change: int) -> None:
        self._left -= change
        self._of_client[client] += change
        if not self._of_client[client]:
            del self._of_client[client]

    def _leave(self, turn: Turn) -> None:
        self._held.remove(turn)
        self._count(turn.client, -1)
        self._give()

    def _give(self) -> None:
        """Give the turns that are left to the clients that wait, one after the other."""
        while self._left:
            client = next((one for one in self._waiting if self._has_turn(one)), None)
            if client is None:
                return
            # The next one of this client comes after those of the others.
            waiting = self._waiting.pop(client)
            mine = waiting.popleft()
            if waiting:
                self._waiting[client] = waiting
            if not mine.cancelled():
                self._count(client, 1)
                mine.set_result(None)

    def _look_later(self) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(_LOOK_INTERVAL_S, self._look)

    def _look(self) -> None:
        """Take the turns of readers that take too long, while others wait."""
        self._timer = None
        now = time.monotonic()
        for turn in [turn for turn in self._held if self._waiting and turn.is_over(now)]:
            turn.lose()
            self._leave(turn)
        for unread in [
            it for it in self._unread if self._waiting and now - it.since >= _MAX_HOLD_S
        ]:
            del self._unread[unread]
            unread.end()
        if self._waiting:
            self._look_later()

"""Turns for work whose memory is in proportion to its size, which no client takes from the others.

Work may wait for Flux, or for the instance of a job whose broker is stopped. So neither one client
nor all nested instances together take more than half of what may be under way.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from fluxapi.errors import TooManyRequests

__all__ = ["Taker", "WorkTurns"]

_RETRY_AFTER_S = 2

_LARGE, _NESTED = "large", "nested"
"""Names of works that share a half, as those of each client do."""


class Taker(NamedTuple):
    """Whom work is for.

    ``client`` is the name of a client, and ``nested`` whether the work is that of the instance of a
    job, for which its work for the main instance does not wait.
    """

    client: str = ""
    nested: bool = False


class _Waiting(NamedTuple):
    taker: Taker
    size: int
    turn: asyncio.Future[None]


class WorkTurns:
    """Lets the work of each client begin in its order, and clients in turn, as long as it fits.

    Of works that are larger than half of the limit, one is under way, beside others.

    Args:
        limit: The size of all work under way.
        waiting: The size of all work that waits, beyond which that of the client with the most of
            it is refused, the newest first.
    """

    def __init__(self, limit: int, waiting: int) -> None:
        self._limit = limit
        self._max_waiting = waiting
        self._queues: dict[Taker, dict[asyncio.Future[None], _Waiting]] = {}
        """The work that waits; the first one of each is next."""
        self._waiting: Counter[Taker] = Counter()
        """The sizes of all works of :attr:`_queues`."""
        self._shares: Counter[Taker | str] = Counter()
        self._charged = 0
        self.used = 0
        """The size of all work under way."""

    async def take(self, taker: Taker, size: int) -> None:
        """Return when work of this size may begin; call :meth:`give_back` at its end.

        Raises:
            TooManyRequests: Too much waits already.
        """
        if taker not in self._queues and self._fits(taker, size):
            self._begin(taker, size)
            return
        item = _Waiting(taker, size, asyncio.get_running_loop().create_future())
        self._make_room(item)
        self._queues.setdefault(taker, {})[item.turn] = item
        self._waiting[taker] += size
        try:
            await item.turn
        except asyncio.CancelledError:
            if item.turn.cancelled():
                self._leave(item)
                self._give()
            elif item.turn.exception() is None:
                self.give_back(taker, size)
            raise

    def give_back(self, taker: Taker, size: int) -> None:
        """End work of this size."""
        self._count(taker, size, -1)
        self._give()

    def _begin(self, taker: Taker, size: int) -> None:
        self._count(taker, size, 1)

    def _count(self, taker: Taker, size: int, sign: int) -> None:
        charge = sign * self._charge(size)
        self.used += sign * size
        self._charged += charge
        for name in self._names(taker, size):
            self._shares[name] += charge
            if not self._shares[name]:
                del self._shares[name]

    def _charge(self, size: int) -> int:
        """Return what work counts: one that is larger than a half leaves the other half to others.

        It is never nothing, so that those that are larger than any limit are one at a time, too.
        """
        return max(1, min(size, self._limit // 2))

    def _names(self, taker: Taker, size: int) -> Iterator[Taker | str]:
        """Yield the shares that work counts to."""
        yield taker
        if taker.nested:
            yield _NESTED
        if size > self._limit // 2:
            yield _LARGE

    def _fits(self, taker: Taker, size: int) -> bool:
        """Return whether work fits that is not before others that wait for room."""
        fits = self._has_share(taker, size) and self._has_room(size)
        heads = map(_head, self._queues.values())
        return fits and not any(self._has_share(it.taker, it.size) for it in heads)

    def _has_room(self, size: int) -> bool:
        return not self._charged or self._charged + self._charge(size) <= self._limit

    def _has_share(self, taker: Taker, size: int) -> bool:
        charge, most = self._charge(size), self._limit // 2
        used = (self._shares.get(name, 0) for name in self._names(taker, size))
        return all(not it or it + charge <= most for it in used)

    def _make_room(self, item: _Waiting) -> None:
        """Refuse works that wait until one more may wait, or raise ``TooManyRequests`` for it."""
        own = self._waiting.get(item.taker, 0) + item.size
        while self._waiting and self._waiting.total() + item.size > self._max_waiting:
            greatest, most = max(self._waiting.items(), key=lambda it: it[1])
            if greatest == item.taker or most <= own:
                raise _refusal()
            last = next(reversed(self._queues[greatest].values()))
            self._leave(last)
            if not last.turn.done():
                last.turn.set_exception(_refusal())

    def _leave(self, item: _Waiting) -> None:
        """Take work out of its queue, if it is still there."""
        taker = item.taker
        queue = self._queues.get(taker, {})
        if queue.pop(item.turn, None) is None:
            return
        self._waiting[taker] -= item.size
        if not queue:
            del self._queues[taker], self._waiting[taker]

    def _give(self) -> None:
        """Let works begin that fit now: the next one of each client in turn."""
        taker = self._next()
        while taker is not None:
            queue = self._queues[taker]
            item = _head(queue)
            self._leave(item)
            if queue:
                # The others are before it now.
                self._queues[taker] = self._queues.pop(taker)
            if not item.turn.done():
                self._begin(item.taker, item.size)
                item.turn.set_result(None)
            taker = self._next()

    def _next(self) -> Taker | None:
        """Return for whom the next work begins, if any does.

        Work that has no share waits for others with the same share only. Work that has one waits
        for room, and those behind it, too, so it is not overtaken for ever.
        """
        for taker, queue in self._queues.items():
            item = _head(queue)
            if self._has_share(item.taker, item.size):
                return taker if self._has_room(item.size) else None
        return None


def _head(queue: Mapping[Any, _Waiting]) -> _Waiting:
    return next(iter(queue.values()))


def _refusal() -> TooManyRequests:
    return TooManyRequests(
        "Too many large bodies wait: send this one again later.", retry_after=_RETRY_AFTER_S
    )

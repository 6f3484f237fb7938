"""The bytes of all bodies that are under way: a common limit, beside that of each body."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["Arriving", "BodyBudget"]


def _nothing() -> None:
    """Do nothing."""


class Arriving:
    """A body that is under way.

    Attributes:
        is_dropped: Its bytes were more than there was room for.
        stop: Stops to read it.
    """

    def __init__(self, client: str) -> None:
        self.client = client
        self.is_dropped = False
        self.size = 0
        self.stop: Callable[[], object] = _nothing

    def drop(self) -> None:
        """Stop to read the body."""
        self.is_dropped = True
        self.stop()


class BodyBudget:
    """The bodies that are under way, of at most *limit* bytes in total.

    Beyond the limit, the client with the most bytes loses its oldest body: a client that begins
    many bodies and ends none takes no room from the others.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._arriving: dict[Arriving, None] = {}
        self._by_client: dict[str, int] = {}
        self._total = 0

    @contextmanager
    def arriving(self, client: str) -> Iterator[Arriving]:
        """Count a body of *client* within the context."""
        body = Arriving(client)
        self._arriving[body] = None
        try:
            yield body
        finally:
            self._forget(body)
            # The reading task refers to it, and would stay with all that has arrived.
            body.stop = _nothing

    def add(self, body: Arriving, size: int) -> None:
        """Count *size* more bytes of a body, and drop bodies until all are within the limit."""
        if body not in self._arriving:
            return
        body.size += size
        self._total += size
        self._by_client[body.client] = self._by_client.get(body.client, 0) + size
        while self._total > self._limit:
            greatest = max(self._by_client, key=self._by_client.__getitem__)
            victim = next(it for it in self._arriving if it.client == greatest and it.size)
            self._forget(victim)
            victim.drop()

    def _forget(self, body: Arriving) -> None:
        if body not in self._arriving:
            return
        del self._arriving[body]
        self._total -= body.size
        left = self._by_client.get(body.client, 0) - body.size
        if left > 0:
            self._by_client[body.client] = left
        else:
            self._by_client.pop(body.client, None)

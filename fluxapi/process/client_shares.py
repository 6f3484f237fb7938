"""Fair shares of something that is limited, so that no clients take what another one needs."""

from __future__ import annotations

from collections import Counter

__all__ = ["ClientShares"]

_PARTS = 4
_LARGE_PARTS = 3
"""Parts of the limit for large shares; the others are for small ones."""


class ClientShares:
    """How much of something each client has, of at most *limit* in all.

    A client may have a third of what the others leave of three quarters of the limit: the first one
    a quarter, the next one less. The last quarter is for shares of up to *small*, so each further
    client gets some, though others have all they may have.

    Attributes:
        used: How much all clients have.
    """

    def __init__(self, limit: int, small: int) -> None:
        self._limit = limit
        self._small = small
        self._by_client: Counter[str] = Counter()
        self.used = 0

    def has_room(self, client: str, count: int) -> bool:
        """Return whether a client may have *count* more."""
        own = self._by_client.get(client, 0)
        left = self._limit * _LARGE_PARTS // _PARTS - (self.used - own)
        share = max(left // _LARGE_PARTS, self._small)
        return self.used + count <= self._limit and own + count <= share

    def add(self, client: str, count: int) -> None:
        """Count more for a client, or with a negative number less."""
        self.used += count
        self._by_client[client] += count
        if not self._by_client[client]:
            del self._by_client[client]

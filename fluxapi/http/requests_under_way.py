"""The limit of requests under way, so that those of one client do not take all connections."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from fluxapi.errors import TooManyRequests

__all__ = ["RequestsUnderWay"]

_RESERVED_PART = 10
"""The divisor of the connections that are reserved for clients with few requests under way."""

_FEW_REQUESTS = 16
"""Requests that a client may have under way on the reserved connections."""

_RETRY_AFTER_S = 2


class RequestsUnderWay:
    """The requests that are being answered, and streams, by client.

    A connection without a request under way, or whose body has not arrived, can be closed for a new
    one; no other can. So the last tenth of all connections is for clients that have few requests
    under way.

    Attributes:
        connections: The limit of all connections, which the process sets that listens.
    """

    def __init__(self, connections: int) -> None:
        self.connections = connections
        self._total = 0
        self._by_client: Counter[str] = Counter()

    def begin(self, client: str) -> None:
        """Count a request of a client; raise ``TooManyRequests`` if it has too many."""
        self._check(client)
        self._add(client)

    @contextmanager
    def arriving(self, client: str) -> Iterator[None]:
        """Do not count a request while its body arrives, since its connection can be closed.

        Raises:
            TooManyRequests: The body has arrived, and the client has too many requests by now.
        """
        self.end(client)
        try:
            yield
        except BaseException:
            self._add(client)
            raise
        try:
            self._check(client)
        finally:
            self._add(client)

    def _check(self, client: str) -> None:
        most = self.connections - self.connections // _RESERVED_PART
        if self._total >= most and self._by_client[client] >= _FEW_REQUESTS:
            raise TooManyRequests(
                "Too many of your requests are under way: send fewer at the same time.",
                retry_after=_RETRY_AFTER_S,
            )

    def _add(self, client: str) -> None:
        self._total += 1
        self._by_client[client] += 1

    def end(self, client: str) -> None:
        """Stop counting a request of a client."""
        self._total -= 1
        self._by_client[client] -= 1
        if not self._by_client[client]:
            del self._by_client[client]

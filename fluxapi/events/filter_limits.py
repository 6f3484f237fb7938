"""The limits of all filters of one instance, and of those of each client."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable

from fluxapi.errors import TooManyRequests
from fluxapi.model.message import problem

__all__ = ["FilterLimits"]

_MAX_FILTERS = 16_384
"""Different filters that are followed at the same time: each event is tested against all."""

_MAX_IDS = 400_000
"""Job IDs in the filters of all subscriptions: some 50 MB."""

_SHARES = 4
"""A client may have one of so many parts of each."""

_RETRY_AFTER_S = 5


class _Limit:
    """How much there is of something, in all and of each client."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._used = 0
        self._by_client: Counter[str] = Counter()

    def has_room(self, client: str, count: int) -> bool:
        """Return whether a client may have *count* more."""
        own = self._by_client.get(client, 0) + count
        return self._used + count <= self._most and own <= self._most // _SHARES

    def add(self, client: str, count: int) -> None:
        """Count more, or with a negative number less."""
        self._used += count
        self._by_client[client] += count
        if not self._by_client[client]:
            del self._by_client[client]


class FilterLimits:
    """Counts different filters, each for the client that was the first to follow it, and job IDs.

    Without the name of a client, nothing is counted.
    """

    def __init__(self, max_filters: int = _MAX_FILTERS, max_ids: int = _MAX_IDS) -> None:
        self._filters = _Limit(max_filters)
        self._ids = _Limit(max_ids)
        self._payers: dict[Hashable, str] = {}

    def check(self, client: str, ids: Collection[int] | None, *, is_new: bool) -> None:
        """Raise ``TooManyRequests`` unless a client may follow a filter, with these IDs."""
        if not self._filters.has_room(client, is_new) or not self._ids.has_room(
            client, len(ids or ())
        ):
            raise TooManyRequests(
                problem("too_many_filters", wait_seconds=_RETRY_AFTER_S), retry_after=_RETRY_AFTER_S
            )

    def begin(self, key: Hashable, client: str) -> None:
        """Count a filter that nobody has followed."""
        if client:
            self._payers[key] = client
            self._filters.add(client, 1)

    def end(self, key: Hashable) -> None:
        """Do not count a filter any more."""
        payer = self._payers.pop(key, "")
        if payer:
            self._filters.add(payer, -1)

    def join(self, client: str, ids: Collection[int] | None) -> None:
        """Count the IDs of a subscription."""
        if client and ids:
            self._ids.add(client, len(ids))

    def leave(self, client: str, ids: Collection[int] | None) -> None:
        """Do not count them any more."""
        if client and ids:
            self._ids.add(client, -len(ids))

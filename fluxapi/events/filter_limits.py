"""The limits of all filters and groups of subscribers of one instance, and of each client."""

from __future__ import annotations

from collections.abc import Collection, Hashable

from fluxapi.errors import TooManyRequests
from fluxapi.model.message import problem
from fluxapi.process.client_shares import ClientShares

__all__ = ["FilterLimits"]

_MAX_FILTERS = 16_384
"""Different filters that are followed at the same time; each event is tested against all of
them."""

_MAX_IDS = 400_000
"""Job IDs in the filters of all subscriptions: some 50 MB."""

_MAX_GROUPS = 32_768
"""Groups of subscribers with the same stream, filter and name: each change of a job goes through
all of them, at half a microsecond each."""

_SMALL_PARTS = 400
"""The number of small shares in a limit; one is 40 filters, or the 1,000 IDs of one filter."""

_RETRY_AFTER_S = 5


def _shares(limit: int) -> ClientShares:
    return ClientShares(limit, max(limit // _SMALL_PARTS, 1))


class _Payers:
    """The client for which each key counts."""

    def __init__(self, limit: int) -> None:
        self.shares = _shares(limit)
        self._clients: dict[Hashable, str] = {}

    def begin(self, key: Hashable, client: str) -> None:
        if client:
            self._clients[key] = client
            self.shares.add(client, 1)

    def end(self, key: Hashable) -> None:
        client = self._clients.pop(key, "")
        if client:
            self.shares.add(client, -1)


class FilterLimits:
    """Counts different filters and groups, each for the client that was the first to follow it.

    The job IDs in filters count for each client that follows them.

    Without the name of a client, nothing is counted.
    """

    def __init__(
        self,
        max_filters: int = _MAX_FILTERS,
        max_ids: int = _MAX_IDS,
        max_groups: int = _MAX_GROUPS,
    ) -> None:
        self._filters = _Payers(max_filters)
        self._ids = _shares(max_ids)
        self._groups = _Payers(max_groups)

    def check(self, client: str, ids: Collection[int] | None, *, is_new: bool) -> None:
        """Raise ``TooManyRequests`` unless a client may follow a filter, with these IDs."""
        if not self._filters.shares.has_room(client, is_new) or not self._ids.has_room(
            client, len(ids or ())
        ):
            raise TooManyRequests(
                problem("too_many_filters", wait_seconds=_RETRY_AFTER_S), retry_after=_RETRY_AFTER_S
            )

    def check_group(self, client: str) -> None:
        """Raise ``TooManyRequests`` unless a client may have one more group of its own."""
        if not self._groups.shares.has_room(client, 1):
            raise TooManyRequests(
                problem("too_many_subscriptions", wait_seconds=_RETRY_AFTER_S),
                retry_after=_RETRY_AFTER_S,
            )

    def begin_group(self, key: Hashable, client: str) -> None:
        """Count a group that nobody was in."""
        self._groups.begin(key, client)

    def end_group(self, key: Hashable) -> None:
        """Do not count a group anymore."""
        self._groups.end(key)

    def begin(self, key: Hashable, client: str) -> None:
        """Count a filter that nobody has followed."""
        self._filters.begin(key, client)

    def end(self, key: Hashable) -> None:
        """Do not count a filter anymore."""
        self._filters.end(key)

    def join(self, client: str, ids: Collection[int] | None) -> None:
        """Count the IDs of a subscription."""
        if client and ids:
            self._ids.add(client, len(ids))

    def leave(self, client: str, ids: Collection[int] | None) -> None:
        """Do not count them anymore."""
        if client and ids:
            self._ids.add(client, -len(ids))

"""The limits of one client: of a token, login or user, and of the address of the connection."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil

from fluxapi.errors import TooManyRequests
from fluxapi.model.message import problem
from fluxapi.security.buckets import Buckets
from fluxapi.settings import Settings

__all__ = ["PEER", "RateLimits"]

PEER = "peer "
"""The begin of the name of a client that is an address."""


class RateLimits:
    """Requests and bytes of bodies per second, for each client of one service."""

    def __init__(self, settings: Settings) -> None:
        requests, size = settings.max_client_requests, settings.max_client_bytes
        self._requests = Buckets(requests, requests)
        self._bytes = Buckets(size, size)

    def check_request(self, clients: Iterable[str]) -> None:
        """Count a request for each of *clients*; raise ``TooManyRequests`` beyond the limit."""
        for client in clients:
            self._take(self._requests, client, 1.0, "--max-client-requests")

    def check_body(self, clients: Iterable[str], size: int) -> None:
        """Count *size* bytes of a body; raise ``TooManyRequests`` beyond the limit.

        A body that is larger than what a second allows is accepted, and paid off after that.
        """
        for client in clients:
            self._take(self._bytes, client, float(size), "--max-client-bytes")

    def _take(self, buckets: Buckets, client: str, amount: float, setting: str) -> None:
        wait = buckets.take(client, amount)
        if wait:
            if client.startswith(PEER):
                said = problem("address_too_fast", setting=setting, wait_seconds=ceil(wait))
            else:
                said = problem("token_too_fast", setting=setting, wait_seconds=ceil(wait))
            raise TooManyRequests(
                said,
                retry_after=wait,
            )

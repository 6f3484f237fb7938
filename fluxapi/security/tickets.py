"""Tickets: what a browser shows where it cannot send a header, good once and for a moment.

A ticket rides in a query string and so may be written to a log; by then it is worth nothing.
"""

from __future__ import annotations

import secrets
import time

from fluxapi.errors import Unauthorized

__all__ = ["LIFETIME", "NO_TICKET", "Tickets"]

LIFETIME = 30
"""Seconds in which a ticket must be used."""

NO_TICKET = (
    "The ticket was used before, is too old or is not one of this instance: get another from POST "
    "/ticket."
)

_MOST = 10_000
"""Tickets that may wait to be used; the oldest go first."""


class Tickets:
    """The tickets that were given out and not used yet."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[float, float | None]] = {}

    def issue(self, expires: float | None) -> str:
        """A new ticket; ``expires`` is when the credentials end that asked for it."""
        now = time.monotonic()
        while self._open:
            oldest = next(iter(self._open))
            if len(self._open) < _MOST and self._open[oldest][0] > now:
                break
            del self._open[oldest]
        ticket = secrets.token_urlsafe(24)
        self._open[ticket] = (now + LIFETIME, expires)
        return ticket

    def redeem(self, ticket: str) -> float | None:
        """When its credentials end (``None``: never); raises ``Unauthorized``."""
        until, expires = self._open.pop(ticket, (0.0, None))
        if until <= time.monotonic():
            raise Unauthorized(NO_TICKET)
        return expires

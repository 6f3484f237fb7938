"""Single-use tickets for browsers, which cannot send a header with every request.

A ticket is part of a query string and may end up in a log; it expires soon, so that this does no
harm.
"""

from __future__ import annotations

import secrets
import time

from fluxapi.errors import Unauthorized

__all__ = ["LIFETIME_S", "NO_TICKET", "Tickets"]

LIFETIME_S = 30
"""Seconds until an unused ticket expires."""

NO_TICKET = (
    "The ticket has been used, has expired or is for another instance: get a new one from "
    "POST /ticket."
)

_MAX_TICKETS = 10_000
"""Unused tickets; the oldest are dropped first."""


class Tickets:
    """The issued tickets of one session that are not used yet."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[float, float | None]] = {}

    def issue(self, expires: float | None) -> str:
        """Return a new ticket; *expires* is the expiration time of the caller's credentials."""
        now = time.monotonic()
        while self._open:
            oldest = next(iter(self._open))
            if len(self._open) < _MAX_TICKETS and self._open[oldest][0] > now:
                break
            del self._open[oldest]
        ticket = secrets.token_urlsafe(24)
        self._open[ticket] = (now + LIFETIME_S, expires)
        return ticket

    def redeem(self, ticket: str) -> float | None:
        """Use up a ticket, and return the expiration time of its credentials (``None``: never).

        Raises:
            Unauthorized: The ticket is not valid.
        """
        until, expires = self._open.pop(ticket, (0.0, None))
        if until <= time.monotonic():
            raise Unauthorized(NO_TICKET)
        return expires

"""Single-use tickets for browsers, which cannot send a header with every request.

A ticket is part of a query string and may end up in a log; it expires soon, so that this does no
harm.
"""

from __future__ import annotations

import secrets
import time

from fluxapi.errors import Unauthorized

from .principal import STRANGER, Principal

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
        self._open: dict[str, tuple[float, Principal]] = {}

    def issue(self, principal: Principal) -> str:
        """Return a new ticket for *principal*."""
        now = time.monotonic()
        while self._open:
            oldest = next(iter(self._open))
            if len(self._open) < _MAX_TICKETS and self._open[oldest][0] > now:
                break
            del self._open[oldest]
        ticket = secrets.token_urlsafe(24)
        self._open[ticket] = (now + LIFETIME_S, principal)
        return ticket

    def redeem(self, ticket: str) -> Principal:
        """Use up a ticket, and return the principal that it was issued for.

        Raises:
            Unauthorized: The ticket is not valid.
        """
        until, principal = self._open.pop(ticket, (0.0, STRANGER))
        if until <= time.monotonic():
            raise Unauthorized(NO_TICKET)
        return principal

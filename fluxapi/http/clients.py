"""The clients that a request counts for: its address, and its token and login."""

from __future__ import annotations

from aiohttp import web

from fluxapi.security.clients import client_of

from . import keys
from .rate_limits import PEER

__all__ = ["address_of", "clients_of"]


def address_of(request: web.Request) -> str:
    """Return the name of the client at the address of a request."""
    return PEER + client_of(request)


def clients_of(request: web.Request) -> tuple[str, ...]:
    """Return the names of all clients that an admitted request counts for."""
    return (address_of(request), *request[keys.PRINCIPAL].grants)

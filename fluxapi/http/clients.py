"""The clients that a request counts for: its address, and its token and login, or its user."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from aiohttp import web

from fluxapi.security.clients import client_of
from fluxapi.security.sign_ins import is_sign_in

from . import keys
from .rate_limits import PEER

__all__ = ["address_of", "clients_of", "has_left", "reader_of", "when_left"]

_OWNER = "owner at "
"""The begin of the name of a client with the name and token of the owner."""


@runtime_checkable
class _Telling(Protocol):
    """A connection that tells when its client leaves."""

    def when_left(self, call: Callable[[], None] | None) -> None:
        """Have *call* called when the client leaves; ``None``: nothing anymore."""


def address_of(request: web.Request) -> str:
    """Return the name of the client at the address of a request."""
    return PEER + client_of(request)


def reader_of(request: web.BaseRequest | None) -> str:
    """Return the name of the client that reads the response to a request."""
    if not isinstance(request, web.Request):
        return ""
    return clients_of(request)[-1] if keys.PRINCIPAL in request else address_of(request)


def clients_of(request: web.Request) -> tuple[str, ...]:
    """Return the names of all clients that an admitted request counts for.

    A token is the last one: whoever has it may log in again and again. So is a user whom a proxy
    names, since all of these have its address. Programs with the name and token of the owner are
    another client than those at their address that have no credentials at all.
    """
    principal = request[keys.PRINCIPAL]
    address = address_of(request)
    if principal.client:
        return (address, principal.client)
    if principal.user and not principal.grants:
        return (address, _OWNER + address)
    return (address, *sorted(principal.grants, key=lambda it: (not is_sign_in(it), it)))


def has_left(connection: web.RequestHandler) -> bool:
    """Return whether the client of a connection has left."""
    return connection.transport is None or connection.transport.is_closing()


def when_left(connection: web.RequestHandler, call: Callable[[], None] | None) -> None:
    """Have *call* called when the client of a connection leaves; ``None``: nothing anymore."""
    if isinstance(connection, _Telling):
        connection.when_left(call)

"""The sender of a request: by a ticket, its Authorization header, or the cookie of a login."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial

from aiohttp import hdrs, web

from fluxapi import errors
from fluxapi.contracts.route import Route
from fluxapi.security.credentials import Credentials
from fluxapi.security.origins import is_from_own_page, is_local_name
from fluxapi.security.principal import STRANGER, Principal
from fluxapi.security.tickets import NO_TICKET
from fluxapi.sessions.session import InstanceSession

from . import cookies, keys, peer

__all__ = [
    "check_again",
    "check_once",
    "ended_credentials",
    "identify",
    "is_open",
    "signed_in",
]

_ONCE = (hdrs.AUTHORIZATION, hdrs.HOST, hdrs.ORIGIN, "Sec-Fetch-Site", "Idempotency-Key")
"""Headers that decide what a request may do, or what it means.

A proxy may look at another one of two than the service does.
"""

_MAX_USER_CHARS = 256

_ADDED_BY_PROXIES = (
    "Forwarded",
    "Via",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Prefix",
    "X-Forwarded-Proto",
    "X-Real-IP",
)


def check_once(request: web.Request) -> None:
    """Raise ``RequestError`` if a request has two values of a header that decides about it."""
    headers = request.headers
    for name in _ONCE:
        if name in headers and len(headers.getall(name)) > 1:
            raise errors.RequestError(f"The header {name} is sent twice; send it once.")


async def identify(
    request: web.Request,
    route: Route | None,
    session: InstanceSession | None,
    credentials: Credentials,
) -> Principal:
    """Return the sender of a request that is not open (:func:`is_open`).

    Raises:
        Unauthorized: The route needs to know the sender.
    """
    if route is not None and route.is_public:
        return STRANGER
    ticket = request.query.get("ticket") if route is not None and route.stream else None
    if ticket:
        if session is None:
            raise errors.Unauthorized(NO_TICKET)
        principal = session.tickets.redeem(ticket)
        credentials.check_still_valid(principal)
        return principal
    scheme = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")[0].lower()
    # A proxy that authenticates by HTTP Basic passes its own Authorization on.
    named = None if scheme == "bearer" else _named_by_proxy(request, credentials)
    if named is not None:
        return named
    if not scheme:
        found = signed_in(request)
        if found is None and _is_owner(request):
            found = credentials.owner
        if found is not None:
            return found
    return await credentials.check(request)


def check_again(request: web.Request) -> None:
    """Raise ``Unauthorized`` if the credentials of an admitted request have ended meanwhile.

    They may be revoked while its body arrives, for as long as the client likes, and while it waits
    or reads.
    """
    request.app[keys.CREDENTIALS].check_still_valid(request[keys.PRINCIPAL])


def ended_credentials(request: web.Request) -> Callable[[], bool]:
    """Return a function that tells whether the credentials of a request have ended.

    Any thread may call it. It does not keep the request in memory.
    """
    return partial(_have_ended, request.app[keys.CREDENTIALS], request[keys.PRINCIPAL])


def _have_ended(credentials: Credentials, principal: Principal) -> bool:
    try:
        credentials.check_still_valid(principal)
    except errors.Unauthorized:
        return True
    return False


def _is_owner(request: web.Request) -> bool:
    """Return whether a program of the owner sent a request over a Unix socket.

    A proxy may run as the owner, too. Its requests are those of others: it adds headers, or passes
    on a ``Host`` that is not the one of a program on this machine.
    """
    if not is_local_name(request.headers.get(hdrs.HOST, "")):
        return False
    forwarded = any(header in request.headers for header in _ADDED_BY_PROXIES)
    return not forwarded and peer.peer_uid(request) == os.getuid()


def is_open(request: web.Request, credentials: Credentials) -> bool:
    """Return whether authentication is off for a request.

    On a Unix socket it is never off for other users, since it is known who they are.
    """
    if credentials.required:
        return False
    uid = peer.peer_uid(request)
    return uid is None or uid == os.getuid()


def _named_by_proxy(request: web.Request, credentials: Credentials) -> Principal | None:
    """Return the user that a trusted proxy names in its header, if it names one.

    Raises:
        Forbidden: This user has no right here.
        Unauthorized: The header has more than one value, or no name.
    """
    settings = request.app[keys.SETTINGS]
    header = settings.trust_user_header
    if not header or not peer.is_among(request, settings.trust_from):
        return None
    values = request.headers.getall(header, [])
    if not values:
        return None
    # Blanks beyond ASCII are part of a name: some directories accept names that end in one.
    name = values[0].strip(" \t")
    if len(values) > 1 or not name or len(name) > _MAX_USER_CHARS or not name.isprintable():
        raise errors.Unauthorized(f"The header {header} of the proxy does not name one user.")
    return credentials.named(name)


def signed_in(request: web.Request) -> Principal | None:
    """Return the principal of the cookie of a request, if it has one that is valid.

    A browser sends cookies with every request, also with those that a page of another site causes.
    So one counts only for a request of a page of this service, or for opening one.

    Raises:
        ForeignOrigin: The request changes something, and nothing says that it is of such a page.
    """
    if hdrs.COOKIE not in request.headers:
        return None
    sign_ins = request.app[keys.CREDENTIALS].sign_ins
    principal = sign_ins.find(cookies.read(request))
    if principal is None or is_from_own_page(request):
        return principal
    return None

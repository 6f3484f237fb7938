"""The cookie of a signed-in browser.

Cookies belong to a host, whatever the port: each service has a name of its own for its cookie, so
that two services of one host do not sign each other's users out.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import socket
from collections.abc import Iterator

from aiohttp import hdrs, web

from . import keys, peer

__all__ = ["delete", "read", "write"]

_HOST, _SECURE = "__Host-", "__Secure-"
"""Prefixes of names that a browser accepts only from this host, or only over TLS."""


def read(request: web.Request) -> list[str]:
    """Return the values of the cookie, of which other services may have set some.

    Only this host over TLS can set a name with a prefix, so the plain name counts only if there is
    no such value.
    """
    name = _name(request)
    found: dict[str, list[str]] = {}
    for key, value in _own(request):
        found.setdefault(key, []).append(value)
    for prefix in (_HOST, _SECURE) if request.secure else (_HOST, _SECURE, ""):
        if prefix + name in found:
            return found[prefix + name]
    return []


def write(request: web.Request, response: web.StreamResponse, value: str) -> None:
    """Set the cookie in the browser that sent *request*, and delete one of another name."""
    chosen = _prefix(request) + _name(request)
    _delete(request, response, but=chosen)
    response.set_cookie(
        chosen,
        value,
        path=_path(request),
        secure=_is_secure(request),
        httponly=True,
        samesite="Lax",
    )


def delete(request: web.Request, response: web.StreamResponse) -> None:
    """Delete the cookie in the browser that sent *request*."""
    _delete(request, response)


def _delete(request: web.Request, response: web.StreamResponse, but: str = "") -> None:
    given = {key for key, _ in _own(request)}
    for prefix in (_HOST, _SECURE, ""):
        name = prefix + _name(request)
        if name in given and name != but:
            response.set_cookie(
                name,
                "",
                max_age=0,
                path="/" if prefix == _HOST else _path(request),
                secure=bool(prefix) or _is_secure(request),
                httponly=True,
                samesite="Lax",
            )


def _own(request: web.Request) -> Iterator[tuple[str, str]]:
    """Yield the cookies of this service with their names, also those that have the same name.

    A parser would drop these. Anybody can send thousands of others, so they are only passed over.
    """
    name = _name(request)
    for header in request.headers.getall(hdrs.COOKIE, ()):
        if name in header:
            for found in _pattern(name).finditer(header):
                yield found[1], found[2].rstrip()


@functools.lru_cache(maxsize=16)
def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?:^|;)[ \t]*((?:{_HOST}|{_SECURE})?{re.escape(name)})=([^;]*)")


def _prefix(request: web.Request) -> str:
    if not _is_secure(request):
        return ""
    return _HOST if _path(request) == "/" else _SECURE


def _path(request: web.Request) -> str:
    return f"{request[keys.BASE]}/"


def _is_secure(request: web.Request) -> bool:
    """Return whether the browser reached the service over TLS, if only up to a proxy.

    A proxy may not say so, but the Origin does, which is the address that the browser itself sees.
    """
    if peer.is_secure(request, request.app[keys.SETTINGS].trust_from):
        return True
    return request.headers.get(hdrs.ORIGIN, "").lower().startswith("https://")


def _name(request: web.Request) -> str:
    transport = request.transport
    address = None if transport is None else transport.get_extra_info("sockname")
    if isinstance(address, tuple):
        return _name_at(str(address[1]))
    return _name_at(str(address or ""))


@functools.lru_cache(maxsize=16)
def _name_at(address: str) -> str:
    """Return the name for a port or the path of a socket, of this user on this machine."""
    whole = f"{socket.gethostname()}\0{os.getuid()}\0{address}"
    return "fluxapi-" + hashlib.sha256(whole.encode("utf-8", "surrogateescape")).hexdigest()[:8]

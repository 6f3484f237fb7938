"""The Host and Origin policy: a Host allow-list, and no unsafe requests from other sites.

Both apply even without authentication: a web page must not be able to run jobs for a user who opens
it, neither by a form or ``fetch`` from another site nor by DNS rebinding.
"""

from __future__ import annotations

import functools
import ipaddress
import re
import socket
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from fluxapi.errors import ForeignOrigin, UnknownHost
from fluxapi.model.message import problem
from fluxapi.settings import Settings

__all__ = ["OriginPolicy", "is_from_own_page", "is_local_name"]

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_SITE = frozenset({"same-origin", "none"})
_WILDCARDS = frozenset({"0.0.0.0", "::"})  # noqa: S104 - recognized, not listened on
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._-]+)(:[0-9]{1,5})?\Z", re.ASCII)
_DEFAULT_PORTS = (":80", ":443")
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


class OriginPolicy:
    """The policy of one service for ``Host``, ``Origin`` and ``Sec-Fetch-Site``."""

    def __init__(self, settings: Settings) -> None:
        listening = {address.host.lower() for address in settings.addresses if address.host}
        self._any_address = bool(listening & _WILDCARDS)
        self._any = "*" in settings.allowed_hosts
        self._hosts = {*_LOCAL_NAMES, *listening}
        self._hosts.update(host.strip("[]").lower() for host in settings.allowed_hosts)
        if self._any_address:
            self._hosts.add(socket.gethostname().lower())
        # The requests of a client all have the same.
        self._is_known = functools.lru_cache(maxsize=256)(self._find)

    def check(self, request: web.Request, forwarded: str | None = None) -> None:
        """Raise ``UnknownHost`` or ``ForeignOrigin``.

        *forwarded* is the ``X-Forwarded-Host`` of a trusted proxy that replaces ``Host``. It is
        the host of an allowed origin if ``--allowed-hosts`` knows it, but it never replaces the
        check of ``Host``: after DNS rebinding, a page can send any header to this machine.
        """
        host = request.headers.get(hdrs.HOST, "")
        # A client without a Host header is not a browser, and this policy is for browsers.
        if host and not self._any and not self._is_known(host):
            name = _name(host)[:255]
            raise UnknownHost(
                f"The Host name {name!r} is not allowed. If it is a name of this service, "
                f"add it on the server: --allowed-hosts {name} or FLUXAPI_ALLOWED_HOSTS={name}."
                if _HOST.match(host)
                else f"The Host {host[:255]!r} is not valid. --allowed-hosts on the server lists "
                "the allowed names."
            )
        if not is_unsafe(request):
            return
        site = request.headers.get("Sec-Fetch-Site")
        if site is not None and site not in _OWN_SITE:
            raise ForeignOrigin(problem("other_site"))
        if site == "same-origin":
            # The browser has compared the origins as it sees them, and no script can set this
            # header. A proxy may have replaced Host, so it says less.
            return
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is None or _is_same(origin, host):
            return
        names = (name.strip() for name in (forwarded or "").split(","))
        if not any(self._is_known(name) and _is_same(origin, name) for name in names):
            raise ForeignOrigin(f"The origin {origin[:255]!r} is not this service.")

    def _find(self, host: str) -> bool:
        """Return whether *host* is one of this service."""
        if _HOST.match(host) is None:
            return False
        name = _name(host)
        if name in self._hosts:
            return True
        # DNS rebinding needs a name; a literal address is safe.
        return self._any_address and _is_address(name)


def is_from_own_page(request: web.Request) -> bool:
    """Return whether a request that passed the policy is one of a page of this service.

    The request of a browser that opens such a page is one, too.

    Current browsers say so in ``Sec-Fetch-Site``, to addresses that they trust. Without it, a
    request that changes something or opens a socket needs an ``Origin``.

    Raises:
        ForeignOrigin: A request that changes something or opens a socket says neither.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if is_unsafe(request):
        # The policy has refused every Origin but that of this service.
        if site == "same-origin" or hdrs.ORIGIN in request.headers:
            return True
        raise ForeignOrigin(
            "With a login cookie, this request needs an Origin or Sec-Fetch-Site header that "
            "names this service, as browsers send it; programs use HTTP Basic or a bearer token."
        )
    return site is None or site in _OWN_SITE or request.headers.get("Sec-Fetch-Mode") == "navigate"


def is_local_name(host: str) -> bool:
    """Return whether a ``Host`` is one of the names of this machine for itself."""
    return _HOST.match(host) is not None and _name(host) in _LOCAL_NAMES


def is_unsafe(request: web.Request) -> bool:
    """Return whether a request may change something, or opens a WebSocket.

    Browsers let any page open a WebSocket, which then can send anything.
    """
    is_socket = request.headers.get(hdrs.UPGRADE, "").lower() == "websocket"
    return is_socket or request.method not in _SAFE


def _name(host: str) -> str:
    """Return the host without port and brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower().rstrip(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_same(origin: str, host: str) -> bool:
    """Return whether *origin* is *host*; schemes may differ, since a proxy may terminate TLS."""
    try:
        place = urlsplit(origin)
    except ValueError:
        return False
    if place.scheme not in {"http", "https"}:
        return False
    return _without_port(place.netloc.lower()) == _without_port(host.lower())


def _without_port(netloc: str) -> str:
    for port in _DEFAULT_PORTS:
        netloc = netloc.removesuffix(port)
    return netloc

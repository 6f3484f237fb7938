"""The other side of a connection: its user on a Unix socket, and whether its headers count."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from aiohttp import web

from fluxapi.security.clients import peer_of, peer_uid
from fluxapi.settings import Peer

__all__ = ["forwarded", "is_among", "is_secure", "is_trusted", "peer_uid"]


def is_among(request: web.BaseRequest, peers: Sequence[Peer]) -> bool:
    """Return whether the connection comes from one of *peers*."""
    if not peers:
        return False
    address = None if request.transport is None else request.transport.get_extra_info("peername")
    if not isinstance(address, tuple):
        return "unix" in peers
    try:
        ip = ipaddress.ip_address(address[0].partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    return any(not isinstance(peer, str) and ip in peer for peer in peers)


def is_trusted(request: web.BaseRequest, peers: Sequence[Peer]) -> bool:
    """Return whether headers of the connection may shape the links of its own answers.

    This holds for *peers*, Unix sockets and this machine. A header of the latter two must not
    decide who a user is.
    """
    transport = request.transport
    if transport is None:
        return False
    return peer_of(transport.get_extra_info("peername")) is None or is_among(request, peers)


def forwarded(request: web.BaseRequest, header: str, peers: Sequence[Peer]) -> str | None:
    """Return a header that a proxy adds, if the connection may send it."""
    value = request.headers.get(header)
    return value if value is not None and is_trusted(request, peers) else None


def is_secure(request: web.BaseRequest, peers: Sequence[Peer]) -> bool:
    """Return whether the browser reached the service, or the proxy before it, by HTTPS."""
    return request.secure or forwarded(request, "X-Forwarded-Proto", peers) == "https"

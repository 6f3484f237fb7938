"""The other side of a connection: its user on a Unix socket, and whether its headers count."""

from __future__ import annotations

import ipaddress
import os
import socket
import struct
from collections.abc import Sequence

from aiohttp import web

from fluxapi.settings import Peer

from .connection_limit import peer_of

__all__ = ["forwarded", "is_among", "is_secure", "is_trusted", "peer_uid"]

_UCRED = struct.Struct("3i")
"""The process, user and group of ``SO_PEERCRED``, see unix(7)."""


def peer_uid(request: web.BaseRequest) -> int | None:
    """Return the user ID of the process that connected to a Unix socket; ``None`` for TCP."""
    transport = request.transport
    connection = None if transport is None else transport.get_extra_info("socket")
    if connection is None or connection.family != socket.AF_UNIX:
        return None
    # The socket of a transport has not all methods on every event loop.
    with socket.socket(fileno=os.dup(connection.fileno())) as own:
        peer = own.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
        uid: int = _UCRED.unpack(peer)[1]
        return uid


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

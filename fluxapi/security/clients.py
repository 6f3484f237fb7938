"""The other end of a connection, as a limit counts it: an address, or a user of this machine."""

from __future__ import annotations

import functools
import ipaddress
import os
import socket
import struct

from aiohttp import web

__all__ = ["THIS_MACHINE", "client_of", "peer_of", "peer_uid"]

_IPV6_NETWORK_BITS = 64

THIS_MACHINE = "this machine"
"""All programs that connect over TCP from this machine, which has 16 million addresses."""

_UCRED = struct.Struct("3i")
"""The process, user and group of ``SO_PEERCRED``, see unix(7)."""


def client_of(request: web.Request) -> str:
    """Return the name of the client that a request counts for."""
    if request.remote:
        return peer_of((request.remote, 0)) or THIS_MACHINE
    uid = peer_uid(request)
    return THIS_MACHINE if uid is None else f"user {uid}"


def peer_of(address: object) -> str | None:
    """Return the peer that a connection from *address* (of the socket) counts for.

    ``None`` stands for this machine and for Unix sockets. An IPv6 network of 64 bits is one peer.
    """
    return _peer_at(address[0]) if isinstance(address, tuple) else None


@functools.lru_cache(maxsize=4096)
def _peer_at(host: str) -> str | None:
    """Return :func:`peer_of` an address; it is parsed once, not for each of its requests."""
    try:
        ip = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is None:
            if ip.is_loopback:
                return None
            return str(ipaddress.ip_network((int(ip), _IPV6_NETWORK_BITS), strict=False))
        ip = ip.ipv4_mapped
    return None if ip.is_loopback else str(ip)


def peer_uid(request: web.BaseRequest) -> int | None:
    """Return the user ID of the process that connected to a Unix socket; ``None`` for TCP."""
    transport = request.transport
    if transport is None or isinstance(transport.get_extra_info("peername"), tuple):
        return None
    connection = transport.get_extra_info("socket")
    if connection is None or connection.family != socket.AF_UNIX:
        return None
    # The socket of a transport has not all methods on every event loop.
    with socket.socket(fileno=os.dup(connection.fileno())) as own:
        peer = own.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
        uid: int = _UCRED.unpack(peer)[1]
        return uid

"""Connections to targets: each address is checked just before it is connected to."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from functools import partial

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler

from fluxapi.process.daemon_threads import DaemonThreads

from .bounded_handler import BoundedHandler
from .targets import Address, BlockedTarget, Targets

__all__ = ["connector"]

_MAX_CONNECTIONS = 256
_MAX_ADDRESSES = 8
"""Addresses of one host that are tried."""

_KEEP_ALIVE_S = 30.0
_RESOLVE_TIMEOUT_S = 5.0
_MAX_LOOKUPS = 8
"""Look-ups at the same time, in threads of their own: one may be stuck as long as DNS is."""


def connector(targets: Targets, *, is_encrypted: bool) -> aiohttp.TCPConnector:
    """Return a connector that connects only to the addresses that *targets* allows."""
    return _Connector(_CheckedResolver(targets, is_encrypted=is_encrypted))


class _Connector(aiohttp.TCPConnector):
    """A connector whose connections end when a target sends too much."""

    def __init__(self, resolver: _CheckedResolver) -> None:
        super().__init__(
            resolver=resolver,
            # Each connection is made to addresses that were checked for it.
            use_dns_cache=False,
            limit=_MAX_CONNECTIONS,
            keepalive_timeout=_KEEP_ALIVE_S,
            socket_factory=resolver.make_socket,
        )
        # aiohttp has no public way to choose the class of its connections.
        handler: type[ResponseHandler] = BoundedHandler
        self._factory = partial(handler, loop=asyncio.get_running_loop())


class _CheckedResolver(AbstractResolver):
    """A resolver that returns only allowed addresses, and makes sockets only for these.

    aiohttp asks no resolver about a host that is an address, so :meth:`make_socket` checks such an
    address, too.
    """

    def __init__(self, targets: Targets, *, is_encrypted: bool) -> None:
        self._targets = targets
        self._is_encrypted = is_encrypted
        self._threads = DaemonThreads("webhook look-up", _MAX_LOOKUPS)
        self._admitted: dict[str, None] = {}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the allowed addresses of *host*.

        Raises:
            BlockedTarget: It has none.
            OSError: It cannot be resolved.
        """
        found = await self._threads.run(
            _RESOLVE_TIMEOUT_S,
            lambda: socket.getaddrinfo(host, port, family, socket.SOCK_STREAM),
        )
        allowed: list[ResolveResult] = []
        refused = "an unknown address."
        for kind, _, protocol, _, place in found:
            text = str(place[0])
            reason = self._targets.refusal(host, _address(text), is_encrypted=self._is_encrypted)
            if reason is not None:
                refused = reason.text()
            elif len(allowed) < _MAX_ADDRESSES:
                self._admit(text)
                allowed.append(
                    ResolveResult(
                        hostname=host,
                        host=text,
                        port=port,
                        family=kind,
                        proto=protocol,
                        flags=socket.AI_NUMERICHOST,
                    )
                )
        if not allowed:
            raise BlockedTarget(refused)
        return allowed

    async def close(self) -> None:
        """Do nothing: the threads end by themselves."""

    def make_socket(self, place: Sequence[object]) -> socket.socket:
        """Return a socket for an address; raise ``BlockedTarget`` if it was not admitted."""
        family, kind, protocol, _, where = place
        text = str(where[0])  # type: ignore[index] # the address of a socket is a tuple
        if text not in self._admitted:
            reason = self._targets.refusal(text, _address(text), is_encrypted=self._is_encrypted)
            if reason is not None:
                raise BlockedTarget(reason.text())
        made = socket.socket(int(family), int(kind), int(protocol))  # type: ignore[call-overload]
        made.setblocking(False)
        return made

    def _admit(self, text: str) -> None:
        """Note an address that the name of an allowed host leads to."""
        self._admitted[text] = None
        if len(self._admitted) > _MAX_CONNECTIONS:
            del self._admitted[next(iter(self._admitted))]


def _address(text: str) -> Address:
    return ipaddress.ip_address(text.partition("%")[0])

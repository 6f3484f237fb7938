"""Clients that take next to nothing that they do not read."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator

import aiohttp

__all__ = ["narrow"]


@contextlib.asynccontextmanager
async def narrow() -> AsyncIterator[aiohttp.ClientSession]:
    """Connect a client whose kernel buffers almost nothing that the client does not read."""

    def make(info: aiohttp.AddrInfoType) -> socket.socket:
        made = socket.socket(*info[:3])
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        made.setblocking(False)
        return made

    connector = aiohttp.TCPConnector(limit=0, socket_factory=make)
    async with aiohttp.ClientSession(connector=connector, read_bufsize=8192) as session:
        yield session

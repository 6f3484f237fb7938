"""A client that is gone without a word, as by a loss of power, is noticed."""

from __future__ import annotations

import asyncio
import socket
from urllib.parse import urlsplit

import aiohttp
import pytest

from tests.running import service
from tests.waiting import hang_up

from .conftest import EMBEDDED
from .site import Site

pytestmark = pytest.mark.slow

_ACCEPT = {"sse": "text/event-stream", "lines": "application/x-ndjson"}
_TCP_REPAIR = getattr(socket, "TCP_REPAIR", 19)


async def vanish(site: Site, wire: str) -> None:
    """Follow all events, and close without telling the other side."""
    place = urlsplit(site.url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    if wire not in _ACCEPT:
        writer.write(
            b"GET /v1/events/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            b"Sec-WebSocket-Version: 13\r\n\r\n"
        )
        wanted = b'{"type":"subscribe","sub":"s","stream":"events"}'
        writer.write(bytes([0x81, 0x80 | len(wanted), 0, 0, 0, 0]) + wanted)
    else:
        request = f"GET /v1/events HTTP/1.1\r\nHost: localhost\r\nAccept: {_ACCEPT[wire]}\r\n\r\n"
        writer.write(request.encode())
    await reader.readuntil(b'"live":true')
    try:
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR, 1)
    except OSError:
        await hang_up(writer)
        pytest.skip("TCP_REPAIR needs CAP_NET_ADMIN: not run on a client that vanishes")
    await hang_up(writer)


async def test_one_that_vanishes_is_noticed(session: aiohttp.ClientSession, wire: str) -> None:
    with service(EMBEDDED) as running:
        site = Site(running, session, None)
        await vanish(site, wire)
        assert await site.figure("fluxapi_subscriptions") == 1
        # Data that is sent there reaches no program.
        while await site.figure("fluxapi_subscriptions"):
            await site.submit()

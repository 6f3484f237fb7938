"""A client of TLS that decides which bytes are one record, and what is sent together."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable

from .wire import PATIENCE_S, Wire

__all__ = ["exchange"]


async def exchange(port: int, records: Iterable[bytes]) -> None:
    """Send a request in these records, with the end of the handshake, and wait for status 200."""
    context = ssl._create_unverified_context()  # noqa: S323 - a test's
    arrived, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(arrived, sent)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while True:
        try:
            client.do_handshake()
            break
        except ssl.SSLWantReadError:
            writer.write(sent.read())
            arrived.write(await reader.read(65536))
    for record in records:
        client.write(record)
    # The last message of the handshake and the request are one write.
    writer.write(sent.read())
    text = b""
    while b"HTTP/1.1 200" not in text:
        data = await asyncio.wait_for(reader.read(65536), PATIENCE_S)
        assert data
        arrived.write(data)
        try:
            text += client.read()
        except ssl.SSLWantReadError:
            continue
    await Wire(reader, writer).close()

"""Opens and closes connections in threads, since libflux may wait for a program that is no broker.

A thread that is stuck in libflux is abandoned: it is a daemon, so it does not delay the exit.
"""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from .wire import Connection

__all__ = ["close", "open"]


async def open(bindings: Any, uri: str | None, timeout: float) -> Connection:
    """Return a connection to *uri* (default: FLUX_URI).

    Args:
        bindings: ``_flux._core``.
        uri: The broker.
        timeout: Seconds that a broker on this machine has to answer.

    Raises:
        OSError: There is no broker.
    """
    loop = asyncio.get_running_loop()
    opened: asyncio.Future[Connection] = loop.create_future()

    def finish(connection: Connection | None, error: Exception | None) -> None:
        if not opened.done():
            if connection is not None:
                opened.set_result(connection)
            elif error is not None:
                opened.set_exception(error)
        elif connection is not None:  # The caller was canceled.
            _in_thread(connection)

    def work() -> None:
        connection, failure = None, None
        try:
            connection = Connection(bindings, uri, timeout)
        except Exception as error:  # noqa: BLE001 - it is raised on the loop
            failure = error
        try:
            loop.call_soon_threadsafe(finish, connection, failure)
        except RuntimeError:  # The loop was closed.
            if connection is not None:
                connection.close()

    threading.Thread(target=work, name="flux-open", daemon=True).start()
    return await opened


async def close(connection: Connection, timeout: float) -> None:
    """Close a connection, or give up waiting after *timeout* seconds."""
    await asyncio.to_thread(_in_thread(connection).join, timeout)


def _in_thread(connection: Connection) -> threading.Thread:
    thread = threading.Thread(target=connection.close, name="flux-close", daemon=True)
    thread.start()
    return thread

"""The sockets that an application listens on, as aiohttp calls them: sites.

This file uses private parts of aiohttp, as ``server.py`` does.
"""

from __future__ import annotations

import socket
import ssl
from functools import partial

from aiohttp import web

from .acceptor import Acceptor
from .handshake import begin_plain, begin_tls
from .server import Runner

__all__ = ["Site"]


class Site(web.SockSite):
    """A socket that listens for an application, of any family; aiohttp serves TCP sockets only."""

    def __init__(
        self, runner: Runner, sock: socket.socket, ssl_context: ssl.SSLContext | None
    ) -> None:
        super().__init__(runner, sock, ssl_context=ssl_context, backlog=1024)
        self._limit = runner.limit
        self._acceptor: Acceptor | None = None

    async def start(self) -> None:
        """Accept connections from now on."""
        await web.BaseSite.start(self)
        server = self._runner.server
        assert server is not None  # noqa: S101 - for mypy: the runner was set up
        if self._ssl_context is None:
            begin = partial(begin_plain, server)
        else:
            begin = partial(begin_tls, server, self._ssl_context, self._limit)
        self._sock.listen(self._backlog)
        self._acceptor = Acceptor(self._sock, begin)

    async def stop(self) -> None:
        """Accept no more connections."""
        if self._acceptor is not None:
            self._acceptor.close()
        await super().stop()

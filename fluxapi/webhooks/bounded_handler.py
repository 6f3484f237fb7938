"""The bytes of a response that are read at all, whatever a target sends.

aiohttp parses what has arrived at once, up to 256 KiB: thousands of responses that nobody has asked
for, informational ones (such as ``100 Continue``) without an end, or the size of a chunk that never
ends. Each response becomes some objects that the garbage collector has to find.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from aiohttp import StreamReader
from aiohttp.client_proto import ResponseHandler
from aiohttp.http import RawResponseMessage

__all__ = ["MAX_RESPONSE_BYTES", "BoundedHandler"]

MAX_RESPONSE_BYTES = 16 << 10
"""Bytes that are read of the responses to one request, with their heads; the connection ends after
them."""

_PIECE_BYTES = 1024
_MAX_RESPONSES = 4
"""Responses that may wait to be read: the one to the request, and informational ones before it."""


class BoundedHandler(ResponseHandler):
    """A connection that ends when a target sends more than a response to a request may have."""

    _received = 0
    _is_answered = False

    def set_response_params(self, **params: Any) -> None:
        """Begin to read the response to a request."""
        self._received = 0
        self._is_answered = False
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        """Parse the beginning of *data*; end the connection if there is too much."""
        for at in range(0, len(data), _PIECE_BYTES):
            if self._received >= MAX_RESPONSE_BYTES or len(self._buffer) > _MAX_RESPONSES:
                self._give_up()
                return
            piece = data[at : at + _PIECE_BYTES]
            self._received += len(piece)
            super().data_received(piece)

    async def read(self) -> tuple[RawResponseMessage, StreamReader]:
        """Return the next response, which may be an informational one."""
        message, body = await super().read()
        self._is_answered = message.code >= HTTPStatus.OK
        return message, body

    def connection_lost(self, exc: BaseException | None) -> None:
        """End the response, and forget those that nobody will read."""
        super().connection_lost(exc)
        self._forget()

    def _forget(self) -> None:
        """Forget the responses but the one to the request.

        They refer to this object, and would stay in memory until the garbage collector runs.
        """
        while len(self._buffer) > (0 if self._is_answered else 1):
            self._buffer.pop()

    def _give_up(self) -> None:
        # The status, which has usually arrived, is still read.
        self._forget()
        if self.transport is not None:
            self.transport.abort()

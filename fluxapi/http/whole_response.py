"""A response whose body is known as a whole: its head and body in one write.

aiohttp writes such a response in ten steps, for each of which it may be a stream, compressed or
chunked, and copies the body behind the head. Most responses of the service are plain JSON.

Besides ``server.py``, this file alone uses private parts of aiohttp.
"""

from __future__ import annotations

import asyncio
from typing import Any, TypeGuard, cast

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http import SERVER_SOFTWARE
from aiohttp.http_writer import _serialize_headers

from .common_headers import CommonHeaders

__all__ = ["is_whole", "send_whole"]

_WITH_BODY = frozenset({200, 201, 202})
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})

_END = b"\r\n"
"""The end of a line, and of a head."""

_MIN_PART_BYTES = 4096
"""Size of a body that costs less to write as a part of its own than to copy behind the head."""


def is_whole(response: web.StreamResponse, request: web.BaseRequest) -> TypeGuard[web.Response]:
    """Return whether :func:`send_whole` writes the same as aiohttp would."""
    return (
        type(response) is web.Response
        and type(response.body) is bytes
        and response.status in _WITH_BODY
        and request.method in _METHODS
        and request.version == HttpVersion11
        and request.keep_alive
        and response.keep_alive is None
        and not response.prepared
        and not response.chunked
        and not response.compression
        and not response._cookies
        and hdrs.CONTENT_TYPE in response.headers
        and hdrs.CONTENT_LENGTH not in response.headers
    )


async def send_whole(
    response: web.Response, request: web.BaseRequest, common: CommonHeaders | None = None
) -> bool:
    """Write a response for which :func:`is_whole` holds; return whether the client got it.

    The headers *common* are all that the application adds to a response.
    """
    request._finish()
    body = cast("bytes", response.body)
    headers = response.headers
    headers[hdrs.CONTENT_LENGTH] = str(len(body))
    headers.setdefault(hdrs.DATE, rfc822_formatted_time())
    lines = b""
    if common is not None and common.add_all_but_lines(request, response):
        lines = common.lines
    else:
        headers.setdefault(hdrs.SERVER, SERVER_SOFTWARE)
        await request._prepare_hook(response)
    status = f"HTTP/1.1 {response.status} {response.reason}"
    head = _serialize_headers(status, headers).removesuffix(_END) + lines + _END
    response._keep_alive = response._eof_sent = True
    # An idle connection holds its last response. The memory of the body is free for the next one,
    # while it is still in the caches of the processor.
    response.body = None
    transport: Any = request.transport
    if transport is None or transport.is_closing():
        return False
    if len(body) < _MIN_PART_BYTES or isinstance(transport, asyncio.Transport):
        # The transports of asyncio copy the parts, too, and some releases do not limit them.
        transport.write(head + body)
    else:
        transport.writelines((head, body))
    del body
    try:
        await request.writer.drain()
    except ConnectionError:
        return False
    return True

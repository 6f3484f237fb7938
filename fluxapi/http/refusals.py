"""Answers that end a connection without a request: their bytes, made once."""

from __future__ import annotations

from http import HTTPStatus

import msgspec
from aiohttp import hdrs

from fluxapi import errors

from .common_headers import HEADERS
from .head_limit import MAX_HEAD_BYTES

__all__ = ["LONG_HEAD", "TINY_CHUNKS", "TOO_MANY_CONNECTIONS"]


def _whole(error: errors.FluxapiError) -> bytes:
    """Return the bytes of an answer that ends its connection."""
    body = msgspec.json.encode(error.problem())
    headers = {
        **HEADERS,
        **error.headers,
        hdrs.CACHE_CONTROL: "no-store",
        hdrs.CONNECTION: "close",
        hdrs.CONTENT_LENGTH: str(len(body)),
        hdrs.CONTENT_TYPE: "application/problem+json",
    }
    lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
    status = HTTPStatus(error.status)
    return f"HTTP/1.1 {status} {status.phrase}\r\n{''.join(lines)}\r\n".encode() + body


TOO_MANY_CONNECTIONS = _whole(
    errors.Unavailable("Too many connections are open; close some, or try again later.")
)
LONG_HEAD = _whole(
    errors.RequestError(
        f"The headers have more than {MAX_HEAD_BYTES} bytes; delete cookies, or send less."
    )
)
TINY_CHUNKS = _whole(
    errors.RequestError(
        "The body comes in thousands of chunks of a few bytes each; send larger chunks, or all at "
        "once with Content-Length."
    )
)

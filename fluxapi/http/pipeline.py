"""The requests that are read ahead while one of their connection is being answered.

aiohttp reads 32 of them, with bodies in up to a thousand chunks each: megabytes of memory for each
connection, and milliseconds of the event loop for each read.

This file uses private parts of aiohttp, as ``server.py`` does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from aiohttp import web
from aiohttp.http import HttpRequestParser

from .chunk_limit import READ_BUFFER_BYTES

__all__ = ["read_few_ahead"]

_MAX_QUEUED = 2
"""Requests that wait for the one before them; no more is read of the connection then."""

_RESUME_QUEUED = 1

_MAX_PARSED = _MAX_QUEUED + 1
"""Requests of which the parser returns no more at once.

It counts one too many if a body comes after its head. If it stopped before *_MAX_QUEUED*, the
connection would not be paused, so nobody would have the parser go on.
"""


def read_few_ahead(
    protocol: web.RequestHandler, loop: asyncio.AbstractEventLoop, options: Mapping[str, Any]
) -> web.RequestHandler:
    """Have a connection that was made with these options read few requests ahead; return it."""
    protocol._max_msg_queue_size = _MAX_QUEUED
    protocol._msg_queue_resume_size = _RESUME_QUEUED
    protocol._parser = HttpRequestParser(
        protocol,
        loop,
        READ_BUFFER_BYTES,
        max_line_size=protocol.max_line_size,
        max_field_size=protocol.max_field_size,
        max_headers=protocol.max_headers,
        payload_exception=web.RequestPayloadError,
        auto_decompress=bool(options.get("auto_decompress", True)),
        max_msg_queue_size=_MAX_PARSED,
    )
    return protocol

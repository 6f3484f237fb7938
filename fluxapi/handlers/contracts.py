"""The OpenAPI and AsyncAPI documents."""

from __future__ import annotations

from aiohttp import web

from fluxapi.http import keys

from .support import reply

__all__ = ["asyncapi", "openapi"]


async def openapi(request: web.Request) -> web.Response:
    """Return the OpenAPI 3.1 document."""
    return reply(request.app[keys.OPENAPI])


async def asyncapi(request: web.Request) -> web.Response:
    """Return the AsyncAPI 3.0 document of the event channel."""
    return reply(request.app[keys.ASYNCAPI])

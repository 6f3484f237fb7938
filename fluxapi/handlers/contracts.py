"""The OpenAPI and AsyncAPI documents."""

from __future__ import annotations

from aiohttp import web

from fluxapi.http import keys

from .support import reply

__all__ = ["asyncapi", "openapi"]


async def openapi(request: web.Request) -> web.Response:
    """Return the OpenAPI 3.1 document."""
    document, base = request.app[keys.OPENAPI], request[keys.BASE]
    if base:
        servers = [{**it, "url": base + it["url"]} for it in document["servers"]]
        document = {**document, "servers": servers}
    return reply(document)


async def asyncapi(request: web.Request) -> web.Response:
    """Return the AsyncAPI 3.0 document of the event channel."""
    document, base = request.app[keys.ASYNCAPI], request[keys.BASE]
    if base:
        servers = {name: {**it, "pathname": base} for name, it in document["servers"].items()}
        document = {**document, "servers": servers}
    return reply(document)

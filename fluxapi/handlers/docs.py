"""The contracts: OpenAPI and AsyncAPI for programs, ``/docs`` and ``/docs/errors`` for people."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp_jinja2
from aiohttp import web

from fluxapi import __version__, keys
from fluxapi.web.reference import channel, error_kinds, groups

from .support import reply

__all__ = ["asyncapi", "docs", "docs_errors", "openapi", "style"]

_STYLE = (Path(__file__).parent.parent / "web" / "static" / "docs.css").read_bytes()


async def openapi(request: web.Request) -> web.Response:
    """The OpenAPI 3.1 document."""
    return reply(request.app[keys.OPENAPI])


async def asyncapi(request: web.Request) -> web.Response:
    """The AsyncAPI 3.0 document of the event channel."""
    return reply(request.app[keys.ASYNCAPI])


async def docs(request: web.Request) -> web.Response:
    """The reference."""
    context = {
        "groups": groups(request.app[keys.OPENAPI]),
        "channel": channel(request.app[keys.ASYNCAPI]),
    }
    return await _page(request, "docs.html", context)


async def docs_errors(request: web.Request) -> web.Response:
    """What each kind of problem means; the problem types point here."""
    return await _page(request, "errors.html", {"kinds": error_kinds()})


async def _page(request: web.Request, name: str, context: Mapping[str, Any]) -> web.Response:
    return await aiohttp_jinja2.render_template_async(
        name, request, {"version": __version__, **context}
    )


async def style(_request: web.Request) -> web.Response:
    """The style sheet of the documentation."""
    return web.Response(body=_STYLE, content_type="text/css", charset="utf-8")

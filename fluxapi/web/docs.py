"""The pages of the documentation: guides, reference, errors."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiohttp import hdrs, web

from fluxapi import __version__
from fluxapi.errors import NotFound
from fluxapi.http import base, keys

from . import assets, guides
from .reference import channel, error_kinds, groups
from .slices import response_of
from .words import words_of

__all__ = ["REFERENCE", "Reference", "errors", "guide", "image", "reference", "style"]

_STYLE = (Path(__file__).parent / "static" / "docs.css").read_bytes()


async def guide(request: web.Request) -> web.Response:
    """Render a guide; without a name, the index."""
    name = request.match_info.get("guide", "index")
    found = (await asyncio.to_thread(guides.shelf)).get(name)
    if found is None:
        raise NotFound(f"There is no guide {name[:64]!r}; /docs lists the guides.")
    context = {"guide": found, "html": found.below(base.relative(request, "/"))}
    return await _page(request, "guide.html", {**context, "here": found.name})


async def image(request: web.Request) -> web.Response:
    """Return a picture of a guide."""
    name = request.match_info["name"]
    found = await asyncio.to_thread(guides.image, name)
    if found is None:
        raise NotFound(f"There is no picture {name[:64]!r}.")
    return web.Response(body=found, content_type="image/png")


async def reference(request: web.Request) -> web.Response:
    """Return the reference of all operations and messages, rendered once from their contracts."""
    body = await request.app[REFERENCE].below(request, base.relative(request, "/"))
    headers = {hdrs.VARY: hdrs.ACCEPT_LANGUAGE}
    return web.Response(body=body, content_type="text/html", charset="utf-8", headers=headers)


class Reference:
    """The page of the reference, which takes longer to render than all others."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._rendered: dict[tuple[str, str], bytes] = {}
        """The page by the reference to the root of the service, of which there are two, one below
        /v1, and by language."""

    async def below(self, request: web.Request, root: str) -> bytes:
        """Return the page with links from *root*."""
        key = root, words_of(request).tag
        async with self._turn:
            if key not in self._rendered:
                context = {
                    "groups": groups(request.app[keys.OPENAPI]),
                    "channel": channel(request.app[keys.ASYNCAPI]),
                    "here": "reference",
                }
                page = await _page(request, "docs.html", context)
                self._rendered[key] = (page.text or "").encode()
            return self._rendered[key]


REFERENCE: web.AppKey[Reference] = web.AppKey("reference", Reference)


async def errors(request: web.Request) -> web.Response:
    """Render the page that explains each problem type; the types link to it."""
    return await _page(request, "errors.html", {"kinds": error_kinds(), "here": "errors"})


async def _page(request: web.Request, name: str, context: Mapping[str, Any]) -> web.Response:
    shared = {
        "version": __version__,
        "shelf": await asyncio.to_thread(guides.groups),
        "has_children": request.app[keys.SESSIONS].root.capabilities.children,
        "url": lambda path: base.relative(request, path),
        "icon": base.relative(request, assets.address(request.app[keys.ASSETS], "icon.svg")),
    }
    return await response_of(request, name, {**shared, **context})


async def style(_request: web.Request) -> web.Response:
    """Return the style sheet of the documentation."""
    return web.Response(body=_STYLE, content_type="text/css", charset="utf-8")

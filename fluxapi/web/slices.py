"""A template as a response, rendered in time slices: a page may have a thousand rows."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from typing import Any
from weakref import WeakSet

import aiohttp_jinja2
from aiohttp import hdrs, web
from jinja2.runtime import Context

from fluxapi.process.timeslice import TimeSlice

from .compiled import CONTEXTS
from .words import words_of

__all__ = ["response_of", "text_of"]

_SLICE_PIECES = 64
"""Pieces of the text, each of a few words, before they are joined and the time is looked at.

As objects of their own, they would take four times the memory of the page.
"""


async def text_of(request: web.Request, name: str, context: Mapping[str, Any]) -> str:
    """Return the template *name* in the language of its reader; other tasks run in between.

    One of many begins in each pass of the event loop, however many have waited for the same value
    until now.
    """
    await TimeSlice(0).share()
    words = words_of(request)
    shared = {"t": words.html, "number": words.number, "lang": words.tag}
    template = request.app[aiohttp_jinja2.APP_KEY].get_template(name)
    turn = TimeSlice()
    parts: list[str] = []
    pieces: list[str] = []
    contexts: WeakSet[Context] = WeakSet()
    shared[CONTEXTS] = contexts
    try:
        async with aclosing(template.generate_async({**shared, **context})) as found:
            async for piece in found:
                pieces.append(piece)
                if len(pieces) == _SLICE_PIECES:
                    parts.append("".join(pieces))
                    pieces.clear()
                    await turn.share()
    finally:
        for each in contexts:
            each.vars.clear()
    return "".join([*parts, *pieces])


async def response_of(
    request: web.Request, name: str, context: Mapping[str, Any], status: int = 200
) -> web.Response:
    """Return a page with the template *name*; see :func:`text_of`."""
    return web.Response(
        text=await text_of(request, name, context),
        status=status,
        content_type="text/html",
        charset="utf-8",
        headers={hdrs.VARY: hdrs.ACCEPT_LANGUAGE},
    )

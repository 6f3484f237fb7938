"""A template as a response, rendered in time slices: a page may have a thousand rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp_jinja2
from aiohttp import web

from fluxapi.process.timeslice import TimeSlice

__all__ = ["response_of"]

_SLICE_PIECES = 64
"""Pieces of the text, each of a few words, before the time is looked at."""


async def response_of(
    app: web.Application, name: str, context: Mapping[str, Any], status: int = 200
) -> web.Response:
    """Render the template *name*; other tasks run in between."""
    template = app[aiohttp_jinja2.APP_KEY].get_template(name)
    turn = TimeSlice()
    pieces: list[str] = []
    async for piece in template.generate_async(context):
        pieces.append(piece)
        if not len(pieces) % _SLICE_PIECES:
            await turn.share()
    text = "".join(pieces)
    return web.Response(text=text, status=status, content_type="text/html", charset="utf-8")

"""The page of figures of the history; its script asks for them and draws them."""

from __future__ import annotations

from aiohttp import web

from fluxapi.http import keys

from .rendering import render

__all__ = ["history"]


async def history(request: web.Request) -> web.Response:
    """Render the page."""
    session = request[keys.SESSION]
    is_kept = session.past.stored is not None and request.app[keys.ARCHIVE] is not None
    return await render(request, "history.html", {"page": "history", "is_kept": is_kept})

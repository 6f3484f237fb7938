"""The page of tokens."""

from __future__ import annotations

from aiohttp import web

from fluxapi.http import keys

from .moments import moment
from .rendering import render

__all__ = ["tokens"]


async def tokens(request: web.Request) -> web.Response:
    """Render the tokens, without their secrets; its script creates and revokes them."""
    store = request.app[keys.TOKENS]
    context = {
        "page": "tokens",
        "tokens": store.all(),
        "is_kept": store.is_kept,
        "is_required": request.app[keys.CREDENTIALS].required,
        "expired": store.is_expired,
        "moment": moment,
    }
    return await render(request, "tokens.html", context)

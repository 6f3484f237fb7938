"""The page of tokens."""

from __future__ import annotations

from datetime import datetime, timezone

from aiohttp import web
from markupsafe import Markup

from fluxapi.http import keys

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
        "moment": _moment,
    }
    return await render(request, "tokens.html", context)


def _moment(timestamp: float) -> Markup:
    """Return a moment in UTC, which the script of the page shows in the time of its reader."""
    moment = datetime.fromtimestamp(timestamp, timezone.utc)
    return Markup('<time datetime="{}">{}</time>').format(
        f"{moment:%Y-%m-%dT%H:%M:%SZ}", f"{moment:%Y-%m-%d %H:%M} UTC"
    )

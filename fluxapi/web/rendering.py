"""The rendering of a page, with what every page shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp_jinja2
from aiohttp import web

from fluxapi.http import base, keys
from fluxapi.security.principal import STRANGER
from fluxapi.security.sign_ins import is_sign_in

from . import assets

__all__ = ["render"]


async def render(
    request: web.Request,
    name: str,
    context: dict[str, Any],
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """Return the template *name* as a response; a sender without rights sees no instance."""
    app = request.app
    info, built = (request.get(keys.SESSION) or app[keys.SESSIONS].root).info, app[keys.ASSETS]
    principal = request.get(keys.PRINCIPAL, STRANGER)
    shared = {
        "user": principal.user,
        "right": principal.right,
        "may": principal.may,
        "is_signed_in": any(map(is_sign_in, principal.grants)),
        "url": lambda path: base.relative(request, path),
        "asset": lambda file: base.relative(request, assets.address(built, file)),
        "is_built": bool(built),
        "is_stranger": principal.right is None,
        "instance": f"{info.kind} {info.version} on {info.hostname}",
    }
    response = await aiohttp_jinja2.render_template_async(
        name, request, {**shared, **context}, status=status
    )
    response.headers.update(headers or {})
    return response

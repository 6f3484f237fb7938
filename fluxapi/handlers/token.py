"""``POST /token``: exchange credentials for a bearer token that expires."""

from __future__ import annotations

from aiohttp import web

from fluxapi.errors import Conflict
from fluxapi.http import keys

from .support import reply

__all__ = ["token"]


async def token(request: web.Request) -> web.Response:
    """Issue a bearer token for Basic credentials, a name and token as JSON, or a login token."""
    credentials = request.app[keys.CREDENTIALS]
    if not (credentials.known or credentials.required):
        raise Conflict("Authentication is off, so no token is needed.")
    principal = await credentials.login(request, request[keys.BODY])
    text, lifetime = credentials.issue(principal)
    return reply({"access_token": text, "token_type": "Bearer", "expires_in": lifetime})

"""``POST /token``: credentials for a bearer token that ends by itself."""

from __future__ import annotations

from aiohttp import web

from fluxapi.errors import Conflict
from fluxapi.http import keys

from .support import reply

__all__ = ["token"]


async def token(request: web.Request) -> web.Response:
    """A bearer token for Basic credentials, a name and token in the body, or a login token."""
    credentials = request.app[keys.CREDENTIALS]
    if not credentials.known:
        raise Conflict("Auth is off and there is no user: no token is needed.")
    await credentials.login(request, request[keys.BODY])
    return reply(
        {
            "access_token": credentials.issue(),
            "token_type": "Bearer",
            "expires_in": credentials.lifetime,
        }
    )

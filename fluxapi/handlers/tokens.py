"""Tokens with lesser rights: create, list and revoke them."""

from __future__ import annotations

import time
from typing import Any

from aiohttp import web

from fluxapi.errors import ValidationFailed
from fluxapi.http import base, keys
from fluxapi.model.message import field_error, field_message
from fluxapi.security.tokens import Token, TokenStore

from .support import reply

__all__ = ["create", "list_tokens", "revoke"]

_DEFAULT_EXPIRES_IN_S = 30 * 86_400


async def create(request: web.Request) -> web.Response:
    """Create a token, and return its secret, which is shown this once."""
    fields, principal = request[keys.BODY], request[keys.PRINCIPAL]
    lasts = fields.get("expires_in", _DEFAULT_EXPIRES_IN_S)
    expires = None if lasts is None else time.time() + lasts
    limit = principal.limit
    if limit is not None and (expires is None or expires > limit):
        if "expires_in" in fields:
            left = max(int(limit - time.time()), 0)
            sentence = field_message("lasts_longer", seconds=left)
            raise ValidationFailed([field_error("/expires_in", sentence)])
        expires = limit
    tokens = request.app[keys.TOKENS]
    token, secret = await tokens.create(
        fields["name"], fields.get("scope", "view"), expires, principal.grants
    )
    created = {**_shown(tokens, token), "token": secret, "kept": tokens.is_kept}
    return reply(
        created, status=201, headers={"Location": base.relative(request, f"/v1/tokens/{token.id}")}
    )


async def list_tokens(request: web.Request) -> web.Response:
    """Return all tokens, the newest first, without their secrets."""
    tokens = request.app[keys.TOKENS]
    return reply(
        {"tokens": [_shown(tokens, token) for token in tokens.all()], "kept": tokens.is_kept}
    )


async def revoke(request: web.Request) -> web.Response:
    """Revoke a token, and end its streams and sign-ins."""
    tokens = request.app[keys.TOKENS]
    return reply(_shown(tokens, await tokens.revoke(request.match_info["token"])))


def _shown(tokens: TokenStore, token: Token) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": token.id,
        "name": token.name,
        "scope": token.scope,
        "created": token.created,
        "expires": token.expires,
        "expired": tokens.is_expired(token),
    }
    if token.last_used is not None:
        shown["last_used"] = token.last_used
    return shown

"""Tokens with a name, a scope and an expiry."""

from __future__ import annotations

from urllib.parse import quote

import msgspec

from fluxapi.client.body import decoded
from fluxapi.client.limits import Moment
from fluxapi.client.request import Request
from fluxapi.client.results import IssuedToken, Scope, Token
from fluxapi.client.transport import SentToken

from .base import Methods

__all__ = ["TokenMethods"]


class TokenMethods(Methods):
    """The methods that issue, list and revoke tokens; they need the scope ``admin``."""

    async def issue_token(
        self,
        name: str,
        *,
        scope: Scope = "view",
        expires_in: int | None = 2_592_000,
    ) -> IssuedToken:
        """Issue a token, whose secret is in the result and shown this once.

        Args:
            name: A name that no other valid token has.
            scope: The rights of the token.
            expires_in: Seconds until it expires, by default 30 days; ``None``: never.
        """
        body = {"name": name, "scope": scope, "expires_in": expires_in}
        made = await self._transport.post("/tokens", body, _Created)
        return IssuedToken(_token(made), made.token, made.kept)

    async def tokens(self) -> list[Token]:
        """Return all tokens without their secrets, the newest first."""
        return [_token(it) for it in (await self._transport.get("/tokens", _Tokens)).tokens]

    async def revoke_token(self, name: str) -> Token:
        """Revoke the token with this name or ID, and return it; raise ``NotFound``."""
        path = f"/tokens/{quote(name, safe='')}"
        response = await self._transport.ask(Request("DELETE", path))
        return _token(decoded(response.body, _Shown))


class _Shown(msgspec.Struct):
    id: str
    name: str
    scope: Scope
    created: Moment
    expires: Moment | None
    expired: bool
    last_used: Moment | None = None


class _Created(_Shown, kw_only=True):
    token: SentToken
    kept: bool


class _Tokens(msgspec.Struct):
    tokens: list[_Shown]


def _token(shown: _Shown) -> Token:
    return Token(
        shown.id,
        shown.name,
        shown.scope,
        shown.created,
        shown.expires,
        shown.last_used,
        is_expired=shown.expired,
    )

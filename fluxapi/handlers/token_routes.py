"""The routes of access tokens: to exchange credentials for one, and to manage those with names."""

from __future__ import annotations

from fluxapi import errors
from fluxapi.contracts.route import Route

from . import token, tokens

__all__ = ["TOKENS"]

_CREATED = {"Location": "Reference to the token, relative to the path of the request."}

TOKENS: tuple[Route, ...] = (
    Route(
        "POST", "/token", token.token, "getToken", "service", "Get a bearer token.",
        {200: "access-token"}, body="token", body_use="optional",
        fails=(errors.Unauthorized, errors.Conflict, errors.TooManyRequests),
        scope="service", right=None,
    ),
    Route(
        "GET", "/tokens", tokens.list_tokens, "listTokens", "service",
        "List the tokens, without their secrets.", {200: "token-list"},
        scope="service", right="admin",
    ),
    Route(
        "POST", "/tokens", tokens.create, "createToken", "service",
        "Create a token with a name, a scope and an expiry.",
        {201: "created-token"}, body="new-token", body_use="required",
        fails=(errors.Conflict, errors.NotStored), tells=_CREATED,
        scope="service", right="admin",
    ),
    Route(
        "DELETE", "/tokens/{token}", tokens.revoke, "revokeToken", "service",
        "Revoke a token; its streams and logins end at once.",
        {200: "issued-token"}, fails=(errors.NotFound, errors.NotStored),
        parameters={"token": ("ID or name of the token.", "laptop")},
        scope="service", right="admin",
    ),
)  # fmt: skip

"""Authentication: HTTP Basic, bearer tokens, and the login tokens of flux-restful-client 0.2.

There is one user, who is configured in the settings. Comparisons take constant time. Access tokens
are JWTs (RFC 7519) with HS256 and an expiration time. Their key is derived from both the secret and
the token: a login token, which is signed with the secret itself, is not valid as an access token;
the secret alone is not enough to create one; and a change of the token invalidates all of them.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
import warnings
from typing import Any

import jwt
from aiohttp import BasicAuth, hdrs, web
from aiohttp_basicauth import BasicAuthMiddleware

from fluxapi.errors import Unauthorized
from fluxapi.settings import Settings

__all__ = ["CHALLENGES", "Credentials"]

CHALLENGES = ('Basic realm="fluxapi", charset="UTF-8"', 'Bearer realm="fluxapi"')
"""The WWW-Authenticate headers of a 401."""

_ALGORITHMS = ["HS256"]
_ISSUER = "fluxapi"
_MAX_VERIFIED_TOKENS = 1024
"""Verified access tokens in the cache."""


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(
        given.encode("utf-8", "surrogateescape"), expected.encode("utf-8", "surrogateescape")
    )


def _derive_key(secret: str, token: str) -> bytes:
    """Derive the key of access tokens from both inputs."""
    # The token is hashed first, so that no other pair of inputs yields the same message.
    digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
    message = b"fluxapi access token\0" + digest
    return hmac.digest(secret.encode("utf-8", "surrogateescape"), message, "sha256")


class _Basic(BasicAuthMiddleware):  # type: ignore[misc] # the library ships no types
    """The library's check with UTF-8 credentials (RFC 7617) and a comparison in constant time."""

    def parse_auth_header(self, request: web.Request) -> BasicAuth | None:
        header = request.headers.get(hdrs.AUTHORIZATION, "")
        try:
            return BasicAuth.decode(header, encoding="utf-8")
        except ValueError:
            return None

    async def check_credentials(self, username: str, password: str, request: web.Request) -> bool:  # noqa: ARG002 - the library's signature
        # Always compare both, so that the time does not reveal which one is wrong.
        return _same(username, self.username) & _same(password, self.password)


class Credentials:
    """The one user's name and token, and the secret that signs bearer tokens."""

    def __init__(self, settings: Settings) -> None:
        self.required = settings.require_auth
        self.user = settings.user or ""
        self._token = settings.token or ""
        self.known = bool(self.user and self._token)
        self.lifetime = settings.access_token_expires_minutes * 60
        self._shared = settings.secret_key
        secret = settings.secret_key or secrets.token_hex(32)
        self._key = _derive_key(secret, self._token)
        self._basic = _Basic(self.user, self._token)
        self._seen: dict[str, float] = {}

    async def check(self, request: web.Request) -> float | None:
        """Authenticate a request by user and token or by an access token.

        Returns:
            The expiration time in seconds since the epoch; ``None`` means never.

        Raises:
            Unauthorized: The credentials are missing or wrong.
        """
        scheme, _, value = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        scheme = scheme.lower()
        if scheme == "basic":
            if await self._basic.authenticate(request):
                return None
            raise Unauthorized("The user name or the token is wrong.")
        if scheme == "bearer":
            return self.check_access(value.strip())
        raise Unauthorized(
            "Authenticate with user and token as HTTP Basic, or a bearer token from POST /token."
        )

    async def login(self, request: web.Request, body: dict[str, Any]) -> None:
        """Authenticate a request for an access token.

        The request has Basic credentials, ``user`` and ``token`` in the body, or a login token.

        Raises:
            Unauthorized: The credentials are missing or wrong.
        """
        scheme, _, value = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        if scheme.lower() == "bearer":
            self._check_login(value.strip())
        elif scheme or not body:
            await self.check(request)
        elif not self._is_user(body["user"], body["token"]):
            raise Unauthorized("The user name or the token is wrong.")

    def issue(self) -> str:
        """Return a new access token for the user."""
        now = int(time.time())
        claims = {"iss": _ISSUER, "aud": _ISSUER, "sub": self.user, "iat": now}
        return jwt.encode({**claims, "exp": now + self.lifetime}, self._key, _ALGORITHMS[0])

    def _is_user(self, user: Any, token: Any) -> bool:
        texts = isinstance(user, str) and isinstance(token, str)
        if not (texts and self.known):
            return False
        return _same(user, self.user) & _same(token, self._token)

    def check_access(self, token: str) -> float:
        """Return the expiration time of an access token; raise ``Unauthorized`` if invalid."""
        known = self._seen.get(token, 0.0)
        if known > time.time():
            return known
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=_ALGORITHMS,
                audience=_ISSUER,
                issuer=_ISSUER,
                options={"require": ["exp", "iat", "sub", "aud", "iss"]},
            )
        except jwt.ExpiredSignatureError:
            raise Unauthorized(
                "The bearer token has expired: get a new one from POST /token."
            ) from None
        except (jwt.InvalidTokenError, ValueError):
            raise Unauthorized("The bearer token was not issued by this service.") from None
        if not _same(str(claims["sub"]), self.user):
            raise Unauthorized("The bearer token belongs to another user.")
        if len(self._seen) >= _MAX_VERIFIED_TOKENS:
            self._seen.pop(next(iter(self._seen)))
        self._seen[token] = expires = float(claims["exp"])
        return expires

    def _check_login(self, token: str) -> None:
        if self._shared is None:
            raise Unauthorized(
                "Login tokens need a secret that client and service share, and FLUX_SECRET_KEY is "
                "not set on the server: set it, or use HTTP Basic."
            )
        try:
            with warnings.catch_warnings():
                # Existing deployments have shorter secrets than the 32 bytes that PyJWT wants.
                warnings.simplefilter("ignore")
                claims = jwt.decode(
                    token, self._shared, algorithms=_ALGORITHMS, options={"verify_aud": False}
                )
        except jwt.ExpiredSignatureError:
            raise Unauthorized("The login token has expired; create a new one.") from None
        except (jwt.InvalidTokenError, ValueError):
            raise Unauthorized("The login token is not signed with FLUX_SECRET_KEY.") from None
        if claims.get("scope") != "token" or not self._is_user(
            claims.get("user"), claims.get("pass")
        ):
            raise Unauthorized("The user name or the token in the login token is wrong.")

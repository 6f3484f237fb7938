"""Authentication: HTTP Basic, bearer tokens, and the login tokens of flux-restful-client 0.2.

There is one user, who is configured in the settings. Tokens with lesser rights are accepted as
bearer tokens, and as the password of HTTP Basic. Comparisons take constant time. Access tokens are
JWTs (RFC 7519) with HS256 and an expiration time. Their key is derived from both the secret and
the token: a login token, which is signed with the secret itself, is not valid as an access token;
the secret alone is not enough to create one; and a change of the token invalidates all of them.
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import secrets
import time
import warnings
from math import ceil
from typing import Any, cast

import jwt
from aiohttp import BasicAuth, hdrs, web
from aiohttp_basicauth import BasicAuthMiddleware

from fluxapi.contracts.rights import Right
from fluxapi.errors import Forbidden, TooManyRequests, Unauthorized
from fluxapi.model.message import problem
from fluxapi.process import account
from fluxapi.settings import Settings

from . import codes
from .buckets import Buckets
from .clients import client_of
from .principal import Principal
from .sign_ins import SignIns, is_sign_in
from .tokens import PREFIX, REVOKED, Token, TokenStore

__all__ = ["CHALLENGES", "Credentials"]

CHALLENGES = ('Basic realm="fluxapi", charset="UTF-8"', 'Bearer realm="fluxapi"')
"""The WWW-Authenticate headers of a 401."""

_WRONG = problem("wrong_token")

_ALGORITHMS = ["HS256"]
_ISSUER = "fluxapi"

_INVALID = (jwt.InvalidTokenError, ValueError, RecursionError)
"""The errors of PyJWT for a token that is none; in older releases the last one, for many levels."""

_MAX_FAILURES, _FAILURE_RATE = 30, 0.5
"""Wrong names and tokens of one peer: so many at once, and so many a second after that."""

_NAMED = "named "
"""The begin of the name by which the limits count a user whom a proxy names."""

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
    """The one user's name and token, the secret that signs access tokens, and the other tokens."""

    def __init__(self, settings: Settings, tokens: TokenStore | None = None) -> None:
        self.required = settings.require_auth
        self.user = settings.user or (account.user_name() if settings.require_auth else "")
        self._tokens = TokenStore() if tokens is None else tokens
        self.lifetime = settings.access_token_expires_minutes * 60
        self.sign_ins = SignIns(self.lifetime)
        self.codes = codes.Codes()
        self._token = settings.token or ""
        self.known = bool(self.user and self._token)
        self._shared = settings.secret_key
        secret = settings.secret_key or secrets.token_hex(32)
        self._key = _derive_key(secret, self._token)
        self._basic = _Basic(self.user, self._token)
        self._failures = Buckets(_FAILURE_RATE, _MAX_FAILURES)
        self.owner = Principal(self.user, "admin")
        self._others: Right | None = (
            None
            if settings.trust_user_right == "none"
            else cast("Right", settings.trust_user_right)
        )
        self._seen: dict[str, Principal] = {}

    async def check(self, request: web.Request) -> Principal:
        """Return the sender of a request, by user and token or by an access token.

        Raises:
            Unauthorized: The credentials are missing or wrong.
        """
        scheme, _, value = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        scheme = scheme.lower()
        if scheme == "basic":
            return await self._check_basic(request)
        if scheme == "bearer":
            return self.check_access(value.strip())
        raise Unauthorized(problem("no_credentials"))

    async def _check_basic(self, request: web.Request) -> Principal:
        given = self._basic.parse_auth_header(request)
        if given is not None and given.password.startswith(PREFIX):
            return self._check_token(given.password)
        peer = client_of(request)
        self._check_failures(peer)
        if self.known and await self._basic.authenticate(request):
            return self.owner
        self._failures.spend(peer)
        raise Unauthorized(_WRONG)

    def check_person(self, user: str, secret: str, peer: str) -> Principal:
        """Return the principal of somebody at a login page, who may have a one-time code.

        Raises like :meth:`check_pair`.
        """
        if not secret.startswith(codes.PREFIX):
            return self.check_pair(user, secret, peer)
        if not self.codes.redeem(secret):
            raise Unauthorized(problem("code_used"))
        return self.owner

    def check_pair(self, user: str, secret: str, peer: str) -> Principal:
        """Return the principal of a user name and a token.

        Raises:
            Unauthorized: They are wrong.
            TooManyRequests: So were too many from this peer before.
        """
        if secret.startswith(PREFIX):
            return self._check_token(secret)
        self._check_failures(peer)
        if self._is_user(user, secret):
            return self.owner
        self._failures.spend(peer)
        raise Unauthorized(_WRONG)

    def _check_failures(self, peer: str) -> None:
        """Raise ``TooManyRequests`` while a peer may be guessing; nobody guesses other tokens."""
        wait = self._failures.wait(peer)
        if wait:
            raise TooManyRequests(
                problem("wrong_too_often", wait_seconds=ceil(wait)),
                retry_after=wait,
            )

    def _check_token(self, secret: str) -> Principal:
        token = self._tokens.find(secret)
        if token is None:
            raise Unauthorized(problem("unknown_token"))
        return self._principal_of(token)

    def _principal_of(self, token: Token) -> Principal:
        return Principal(
            self.user or account.user_name(),
            token.scope,
            token.expires,
            grants=frozenset({token.id}),
            limit=token.expires,
            token=token.name,
        )

    async def login(self, request: web.Request, body: dict[str, Any]) -> Principal:
        """Return the sender of a request for an access token.

        The request has Basic credentials, ``user`` and ``token`` in the body, or a login token.

        Raises:
            Unauthorized: The credentials are missing or wrong.
        """
        scheme, _, value = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        if scheme.lower() == "bearer":
            return self._check_login(value.strip(), client_of(request))
        if scheme or not body:
            return await self.check(request)
        return self.check_pair(body["user"], body["token"], client_of(request))

    def issue(self, principal: Principal | None = None) -> tuple[str, int]:
        """Return a new access token for *principal*, or the owner, and its lifetime in seconds.

        It has the same right, and ends no later.
        """
        now = int(time.time())
        expires = now + self.lifetime
        claims: dict[str, Any] = {"iss": _ISSUER, "aud": _ISSUER, "sub": self.user, "iat": now}
        if principal is not None and principal.grants:
            # The right is that of the token, which is looked up, so that it can be revoked.
            (claims["tok"],) = principal.grants
            if principal.expires is not None:
                expires = min(expires, int(principal.expires))
        return jwt.encode({**claims, "exp": expires}, self._key, _ALGORITHMS[0]), expires - now

    def named(self, name: str) -> Principal:
        """Return the principal of a user that a trusted proxy names; raise ``Forbidden``."""
        # All of them come from the address of the proxy.
        client = f"{_NAMED}{name}"
        if name == self.user:
            return dataclasses.replace(self.owner, client=client)
        if self._others is None:
            raise Forbidden(problem("user_not_allowed", user=name))
        return Principal(name, self._others, client=client)

    def check_grants(self, principal: Principal) -> None:
        """Raise ``Unauthorized`` if something that *principal* depends on was revoked."""
        if not principal.grants:
            return
        sign_ins = [grant for grant in principal.grants if is_sign_in(grant)]
        tokens = principal.grants.difference(sign_ins)
        if not (self._tokens.are_alive(tokens) and all(map(self.sign_ins.has, sign_ins))):
            raise Unauthorized(REVOKED)

    def check_still_valid(self, principal: Principal) -> None:
        """Raise ``Unauthorized`` if *principal* has expired, or was revoked, since it was found."""
        if principal.expires is not None and principal.expires <= time.time():
            raise Unauthorized(REVOKED)
        self.check_grants(principal)

    def _is_user(self, user: str, token: str) -> bool:
        if not self.known:
            return False
        return _same(user, self.user) & _same(token, self._token)

    def check_access(self, token: str) -> Principal:
        """Return the principal of a bearer token; raise ``Unauthorized`` if it is invalid."""
        if token.startswith(PREFIX):
            return self._check_token(token)
        known = self._seen.get(token)
        if known is not None and known.expires is not None and known.expires > time.time():
            if self._tokens.are_alive(known.grants):
                return known
            raise Unauthorized(REVOKED)
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
        except _INVALID:
            raise Unauthorized("The bearer token was not issued by this service.") from None
        if not _same(str(claims["sub"]), self.user):
            raise Unauthorized("The bearer token belongs to another user.")
        if len(self._seen) >= _MAX_VERIFIED_TOKENS:
            self._seen.pop(next(iter(self._seen)))
        expires = float(claims["exp"])
        principal = self._principal_of_claims(claims, expires)
        self._seen[token] = principal
        return principal

    def _principal_of_claims(self, claims: dict[str, Any], expires: float) -> Principal:
        if "tok" not in claims:
            return Principal(self.user, "admin", expires, limit=expires)
        token = self._tokens.get(str(claims["tok"]))
        if token is None or not self._tokens.are_alive([token.id]):
            raise Unauthorized(REVOKED)
        return dataclasses.replace(self._principal_of(token), expires=expires, limit=expires)

    def _is_access_token(self, token: str) -> bool:
        """Return whether this service issued the bearer token, even if it is not valid anymore."""
        try:
            jwt.decode(
                token, self._key, algorithms=_ALGORITHMS, audience=_ISSUER,
                options={"verify_exp": False},
            )  # fmt: skip
        except _INVALID:
            return False
        return True

    def _check_login(self, token: str, peer: str) -> Principal:
        if token.startswith(PREFIX) or self._is_access_token(token):
            raise Unauthorized(
                "A bearer token cannot be exchanged for an access token: send user and token by "
                "HTTP Basic."
            )
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
        except _INVALID:
            raise Unauthorized("The login token is not signed with FLUX_SECRET_KEY.") from None
        user, secret = claims.get("user"), claims.get("pass")
        if claims.get("scope") != "token" or not (
            isinstance(user, str) and isinstance(secret, str)
        ):
            raise Unauthorized("The user name or the token in the login token is wrong.")
        return self.check_pair(user, secret, peer)

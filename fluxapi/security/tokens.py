"""Tokens with a name, a right and an end, which the owner creates and revokes.

Only their hashes are kept: in the state directory, or in memory if there is none. A token is a
random number of 256 bits, so its hash needs neither salt nor stretching.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
import secrets
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated

import msgspec

from fluxapi.contracts.rights import Right
from fluxapi.errors import Conflict, NotFound, NotStored, Unauthorized
from fluxapi.model.message import problem
from fluxapi.process.background import Worker

from .sign_ins import is_sign_in
from .token_file import TokenFile

__all__ = ["PREFIX", "REVOKED", "Token", "TokenStore"]

_log = logging.getLogger(__name__)

PREFIX = "fluxapi_"
"""The begin of every token, so that people and scanners of secrets recognize one."""

REVOKED = "The token behind these credentials has expired or was revoked."

_SECRET_BYTES = 32

MAX_TOKENS = 1000
"""Tokens that are kept, expired ones included."""

_KEEP_EXPIRED_S = 7 * 86_400.0
"""Time for which an expired token is still listed."""

_SAVE_INTERVAL_S = 60.0
"""Time between two writes of the moments of last use."""


_Moment = Annotated[float, msgspec.Meta(ge=0, le=1e11)]
"""Seconds since the epoch, up to the year 5138: a time that every function can show."""


class Token(msgspec.Struct, omit_defaults=True):
    """One token without its secret. A job can write the token file, so each value has limits.

    Attributes:
        hash: SHA-256 of the secret, in hex.
        expires: Seconds since the epoch; ``None``: never.
        parents: IDs of the tokens that it was created with, and is revoked with.
    """

    id: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{10}\Z")]
    name: Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9][A-Za-z0-9._ -]{0,63}\Z")]
    scope: Right
    hash: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
    created: _Moment
    expires: _Moment | None = None
    last_used: _Moment | None = None
    parents: list[str] = []


def _ignore(_id: str) -> None:
    pass


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


class TokenStore:
    """The tokens of one service; *path* is the file that keeps them, ``None`` is memory only."""

    def __init__(self, path: Path | None = None) -> None:
        self.on_revoke: Callable[[str], None] = _ignore
        """Called with the ID of each token that is revoked."""
        self._file = None if path is None else TokenFile(path)
        self._tokens: dict[str, Token] = {}
        self._by_hash: dict[str, Token] = {}
        self._deadlines: dict[str, float] = {}
        self._lock = asyncio.Lock()
        self._saved = 0.0
        self._saver = Worker("last uses of tokens", self._save_later)

    @property
    def is_kept(self) -> bool:
        """Return whether the tokens outlive the service."""
        return self._file is not None

    async def open(self) -> None:
        """Read the tokens of an earlier service; raise ``SettingsError`` if that is impossible."""
        if self._file is None:
            return
        for token in await asyncio.to_thread(self._file.open, Token):
            self._add(token)

    async def close(self) -> None:
        """Write the moments of last use, and give the file free for another service."""
        await self._saver.aclose()
        if self._file is not None:
            await self._save_uses()
            await asyncio.to_thread(self._file.close)

    def all(self) -> list[Token]:
        """Return the tokens, the newest first."""
        self._forget_old()
        return sorted(self._tokens.values(), key=lambda token: token.created, reverse=True)

    def is_expired(self, token: Token) -> bool:
        """Return whether a token has ended, by the clock of the system or by the time passed."""
        deadline = self._deadlines.get(token.id)
        if token.expires is None or deadline is None:
            return False
        # The clock of the system may have been set back since the token was read or created.
        return token.expires <= time.time() or deadline <= time.monotonic()

    def are_alive(self, ids: Iterable[str]) -> bool:
        """Return whether all of these tokens exist and have not expired."""
        tokens = [self._tokens.get(name) for name in ids]
        return all(token is not None and not self.is_expired(token) for token in tokens)

    def find(self, secret: str) -> Token | None:
        """Return the valid token with this secret, if any, and note its use."""
        token = self._by_hash.get(_hash(secret))
        if token is None or self.is_expired(token):
            return None
        token.last_used = time.time()
        if self._file is not None:
            self._saver.start()
        return token

    def get(self, name: str) -> Token | None:
        """Return the token with this ID."""
        return self._tokens.get(name)

    async def create(
        self, name: str, scope: Right, expires: float | None, parents: Iterable[str] = ()
    ) -> tuple[Token, str]:
        """Create a token, and return it with its secret, which is not kept.

        *parents* are the grants of its creator: tokens, and sign-ins, which it outlives.

        Raises:
            Unauthorized: A parent has ended while another change was written.
            Conflict: Another token has this name, or there are too many.
            NotStored: The tokens cannot be written, so none was created.
        """
        secret = PREFIX + secrets.token_urlsafe(_SECRET_BYTES)
        async with self._lock:
            self._forget_old()
            for other in [token for token in self._tokens.values() if token.name == name]:
                if not self.is_expired(other):
                    raise Conflict(problem("token_exists", name=name))
                self._remove(other)
            if len(self._tokens) >= MAX_TOKENS:
                raise Conflict(problem("too_many_tokens", limit=MAX_TOKENS))
            known = [grant for grant in parents if not is_sign_in(grant)]
            if not self.are_alive(known):
                raise Unauthorized(REVOKED)
            token = Token(
                id=secrets.token_hex(5),
                name=name,
                scope=scope,
                hash=_hash(secret),
                created=time.time(),
                expires=expires,
                parents=known,
            )
            self._add(token)
            try:
                await self._save()
            except OSError as error:
                self._remove(token)
                raise NotStored(f"The token was not created, since {self._why(error)}") from None
        return token, secret

    async def revoke(self, text: str) -> Token:
        """Revoke the token with this ID or name, and those that were created with it.

        Raises:
            NotFound: There is none.
            NotStored: The tokens cannot be written, so it is revoked only in this process.
        """
        token = self._tokens.get(text)
        if token is None:
            named = [it for it in self._tokens.values() if it.name == text]
            token = named[0] if named else None
        if token is None:
            raise NotFound(problem("no_token", name=text[:64]))
        # At once, since an earlier write may take as long as the disk does not answer.
        gone = [token, *self._children(token)]
        for one in gone:
            self._remove(one)
        for one in gone:
            self.on_revoke(one.id)
        async with self._lock:
            try:
                await self._save()
            except OSError as error:
                raise NotStored(
                    "The token is revoked until the service restarts, and would be valid after "
                    f"that, since {self._why(error)} Then revoke it again."
                ) from None
        return token

    def _children(self, token: Token) -> list[Token]:
        """Return the tokens that were created with *token*, and those created with these."""
        found: dict[str, Token] = {}
        pending = [token.id]
        while pending:
            parent = pending.pop()
            for one in self._tokens.values():
                if parent in one.parents and one.id not in found and one.id != token.id:
                    found[one.id] = one
                    pending.append(one.id)
        return list(found.values())

    def _add(self, token: Token) -> None:
        self._tokens[token.id] = self._by_hash[token.hash] = token
        if token.expires is not None:
            self._deadlines[token.id] = time.monotonic() + token.expires - time.time()

    def _remove(self, token: Token) -> None:
        self._tokens.pop(token.id, None)
        self._by_hash.pop(token.hash, None)
        self._deadlines.pop(token.id, None)

    def _forget_old(self) -> None:
        # The clock of the system may be ahead for a while, which must end no token for good.
        oldest, passed = time.time() - _KEEP_EXPIRED_S, time.monotonic() - _KEEP_EXPIRED_S
        for token in list(self._tokens.values()):
            deadline = self._deadlines.get(token.id, math.inf)
            if token.expires is not None and token.expires < oldest and deadline < passed:
                self._remove(token)

    def _why(self, error: OSError) -> str:
        where = "" if self._file is None else f" {self._file.path}"
        return f"the file{where} cannot be written: {error.strerror or error}."

    async def _save(self) -> None:
        """Write all tokens; the caller has the lock."""
        if self._file is not None:
            self._saved = time.monotonic()
            tokens = [msgspec.structs.replace(token) for token in self._tokens.values()]
            await asyncio.to_thread(self._file.write, tokens)

    async def _save_later(self) -> None:
        await asyncio.sleep(max(self._saved + _SAVE_INTERVAL_S - time.monotonic(), 0.0))
        await self._save_uses()

    async def _save_uses(self) -> None:
        """Write the moments of last use, which may fail, since nothing depends on them."""
        async with self._lock:
            try:
                await self._save()
            except OSError as error:
                _log.warning(
                    "the times at which tokens were last used are not stored: %s", self._why(error)
                )

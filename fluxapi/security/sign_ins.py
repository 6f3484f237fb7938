"""Signed-in browsers: a random value in a cookie stands for a principal until it ends.

The values are kept as hashes, in memory only, so a restart of the service signs everybody out.
"""

from __future__ import annotations

import dataclasses
import hashlib
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable

from .principal import Principal

__all__ = ["SignIns"]

_GRANT = "sign-in:"
"""The begin of the grant of each sign-in, which tells it from the ID of a token."""

_MAX_SIGN_INS = 1000
"""Signed-in browsers; beyond that, the oldest of the token with the most are signed out first.

So whoever has a token may sign in again and again, and signs out nobody else.
"""

_VALUE_BYTES = 32
_VALUE_LENGTH = 43
"""Length of the text of a value; a cookie of another length is none of ours."""


def _ignore(_grant: str) -> None:
    pass


def _hash(value: str) -> bytes:
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).digest()


class SignIns:
    """The browsers that are signed in to one service, each for *lifetime* seconds at most."""

    def __init__(self, lifetime: float) -> None:
        self.on_end: Callable[[str], None] = _ignore
        """Called with the grant of each sign-in that ends before its time."""
        self._lifetime = lifetime
        self._open: dict[bytes, tuple[Principal, float]] = {}

    def begin(self, principal: Principal) -> tuple[str, Principal]:
        """Sign a browser in; return the value of its cookie, and its principal."""
        self._forget_old()
        value = secrets.token_urlsafe(_VALUE_BYTES)
        expires = time.time() + self._lifetime
        if principal.expires is not None:
            expires = min(expires, principal.expires)
        signed_in = dataclasses.replace(
            principal,
            expires=expires,
            grants=principal.grants | {_GRANT + secrets.token_hex(8)},
        )
        self._open[_hash(value)] = (signed_in, time.monotonic() + expires - time.time())
        return value, signed_in

    def find(self, values: Iterable[str]) -> Principal | None:
        """Return the principal of the cookies of a request, if they agree on one.

        Another service of the host or of its domain can set cookies of any name, so some of the
        values may be made up. Two that are valid contradict each other, and then none counts.
        """
        found = {key: self._open[key] for key in self._keys(values) if key in self._open}
        alive = {key: entry[0] for key, entry in found.items() if _is_alive(*entry)}
        return next(iter(alive.values())) if len(alive) == 1 else None

    def end(self, values: Iterable[str]) -> None:
        """Sign out the browsers with these cookies."""
        for key in self._keys(values):
            self._end(key)

    def revoke(self, grant: str) -> None:
        """Sign out all browsers that depend on a token."""
        for key, (principal, _) in list(self._open.items()):
            if grant in principal.grants:
                self._end(key)

    def has(self, grant: str) -> bool:
        """Return whether a grant is that of a sign-in which has not ended."""
        return any(grant in principal.grants for principal, _ in self._open.values())

    def _keys(self, values: Iterable[str]) -> list[bytes]:
        # The head of a request has room for a few hundred values.
        return [_hash(value) for value in set(values) if len(value) == _VALUE_LENGTH]

    def _end(self, key: bytes) -> None:
        principal, _ = self._open.pop(key, (None, 0.0))
        if principal is not None:
            for grant in principal.grants:
                if is_sign_in(grant):
                    self.on_end(grant)

    def _forget_old(self) -> None:
        for key, entry in list(self._open.items()):
            if not _is_alive(*entry):
                self._end(key)
        while len(self._open) >= _MAX_SIGN_INS:
            self._end(self._oldest_of_most())

    def _oldest_of_most(self) -> bytes:
        """Return the key of the oldest sign-in of those who have the most."""
        sources = {key: _source(principal) for key, (principal, _) in self._open.items()}
        [(most, _)] = Counter(sources.values()).most_common(1)
        return next(key for key, source in sources.items() if source == most)


def _source(principal: Principal) -> tuple[str, frozenset[str]]:
    """Return what a principal has signed in with: a token, or the name and token of the owner."""
    return principal.user, frozenset(it for it in principal.grants if not is_sign_in(it))


def is_sign_in(grant: str) -> bool:
    """Return whether a grant is a sign-in, not a token."""
    return grant.startswith(_GRANT)


def _is_alive(principal: Principal, deadline: float) -> bool:
    is_current = principal.expires is None or principal.expires > time.time()
    return is_current and deadline > time.monotonic()

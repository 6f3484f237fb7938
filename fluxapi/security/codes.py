"""One-time codes, with which the person who started the service signs in at a browser."""

from __future__ import annotations

import hashlib
import secrets
import time

__all__ = ["LIFETIME_S", "PREFIX", "Codes"]

PREFIX = "once_"
"""The begin of every code."""

LIFETIME_S = 600.0
"""Seconds until an unused code expires."""

_MAX_CODES = 10


class Codes:
    """The codes of one service that were printed and not used yet."""

    def __init__(self) -> None:
        self._open: dict[bytes, float] = {}

    def issue(self) -> str:
        """Return a new code; the oldest makes room for it."""
        if len(self._open) >= _MAX_CODES:
            del self._open[next(iter(self._open))]
        code = PREFIX + secrets.token_urlsafe(24)
        self._open[_hash(code)] = time.monotonic() + LIFETIME_S
        return code

    def redeem(self, code: str) -> bool:
        """Use a code up, and return whether it was valid."""
        return self._open.pop(_hash(code), 0.0) > time.monotonic()


def _hash(code: str) -> bytes:
    return hashlib.sha256(code.encode("utf-8", "surrogatepass")).digest()

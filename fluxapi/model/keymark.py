"""What a job keeps of its Idempotency-Key: a mark in ``attributes.user.fluxapi`` of its jobspec.

Everything about the form of the mark is here: the name under which each job of a request is known,
the digest of what was asked for, and how both are written to and read from a jobspec.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec

__all__ = ["MAX_KEY_LENGTH", "KeyMark", "KeySigner", "digest"]

MAX_KEY_LENGTH = 255
"""Characters of an Idempotency-Key."""

_MAX_NAME_LENGTH = MAX_KEY_LENGTH + 20
"""Characters of a mark's key: an Idempotency-Key behind a number of at most 18 digits."""

_SECRET_BYTES = 32
_SEPARATOR = "\x1f"
"""Cannot be in a header, so no single job can have the key of a member of a bulk request."""

_encoder = msgspec.json.Encoder(order="sorted")


def digest(fields: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a request's fields; their order does not count."""
    return sha256(_encoder.encode(fields)).hexdigest()


class KeyMark(NamedTuple):
    """The key by which a job is known, and the digest of the request that made it."""

    key: str
    digest: str

    @classmethod
    def of_member(cls, key: str, number: int, digest: str) -> KeyMark:
        """Return the mark of job *number* of the bulk request with this Idempotency-Key."""
        return cls(f"{number}{_SEPARATOR}{key}", digest)


class KeySigner:
    """Signs marks, and tells those that it signed from others.

    Anybody who may submit to the instance can write a mark into a jobspec. One counts if the job is
    the instance owner's and the mark bears the signature of the secret that the services in front
    of the instance share.

    Args:
        owner: User ID of the instance owner; without it no mark counts.
        secret: What the services share; without it the signatures hold for this process alone.
    """

    def __init__(self, owner: int | None = None, secret: bytes | None = None) -> None:
        self._owner = owner
        self._secret = secrets.token_bytes(_SECRET_BYTES) if secret is None else secret

    def sign(self, mark: KeyMark) -> dict[str, str]:
        """Return the value of ``attributes.user.fluxapi``."""
        return {"key": mark.key, "digest": mark.digest, "signature": self._signature(mark)}

    def read(self, jobspec: Any, userid: int) -> KeyMark | None:
        """Return the mark of a user's jobspec, or ``None`` where there is none that counts."""
        if userid != self._owner:
            return None
        found = _read(jobspec)
        if found is None:
            return None
        mark, signature = found
        return mark if hmac.compare_digest(signature, self._signature(mark).encode()) else None

    def _signature(self, mark: KeyMark) -> str:
        text = f"{mark.digest}{_SEPARATOR}{mark.key}".encode()
        return hmac.digest(self._secret, text, "sha256").hex()


def _read(jobspec: Any) -> tuple[KeyMark, bytes] | None:
    try:
        attribute = jobspec["attributes"]["user"]["fluxapi"]
        texts = [attribute[name] for name in ("key", "digest", "signature")]
    except (KeyError, TypeError, IndexError):
        return None
    if not all(isinstance(text, str) and len(text) <= _MAX_NAME_LENGTH for text in texts):
        return None
    return KeyMark(*texts[:2]), texts[2].encode()

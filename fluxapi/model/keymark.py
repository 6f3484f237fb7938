"""The mark of an Idempotency-Key in a job: members of ``attributes.user.fluxapi`` in its jobspec.

This module defines the form of the mark: the key of each job of a request, the digest of the
request, and how both are written to and read from a jobspec.
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
"""Characters of a mark's key: an Idempotency-Key after a number of at most 18 digits."""

_SECRET_BYTES = 32
_SEPARATOR = "\x1f"
"""Not allowed in a header, so that a single job cannot have the key of a member of a bulk."""

_encoder = msgspec.json.Encoder(order="sorted")


def digest(fields: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a request's fields, independent of their order."""
    return sha256(_encoder.encode(fields)).hexdigest()


class KeyMark(NamedTuple):
    """The idempotency key of a job, and the digest of the request that submitted it."""

    key: str
    digest: str

    @classmethod
    def of_member(cls, key: str, number: int, digest: str) -> KeyMark:
        """Return the mark of job *number* of the bulk request with this Idempotency-Key."""
        return cls(f"{number}{_SEPARATOR}{key}", digest)


class KeySigner:
    """A signer and verifier of marks.

    Every user who may submit jobs can write a mark into a jobspec. A mark is valid if the job
    belongs to the instance owner and the signature is made with the secret that the services of the
    instance share.

    Args:
        owner: User ID of the instance owner; without it no mark is valid.
        secret: The shared secret; without it signatures are valid in this process only.
    """

    def __init__(self, owner: int | None = None, secret: bytes | None = None) -> None:
        self._owner = owner
        self._secret = secrets.token_bytes(_SECRET_BYTES) if secret is None else secret

    @property
    def owner(self) -> int | None:
        """Return the user ID of the instance owner, if it is known."""
        return self._owner

    def sign(self, mark: KeyMark) -> dict[str, str]:
        """Return members for ``attributes.user.fluxapi``."""
        return {"key": mark.key, "digest": mark.digest, "signature": self._signature(mark)}

    def read(self, jobspec: Any, userid: int) -> KeyMark | None:
        """Return the mark in the jobspec of user *userid*, or ``None`` without a valid one."""
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

"""What a job keeps of its Idempotency-Key: a mark in ``attributes.user.fluxapi`` of its jobspec.

Everything about the form of the mark is here: the name under which each job of a request is known,
the digest of what was asked for, and how both are written to and read from a jobspec.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec

__all__ = ["MAX_KEY_LENGTH", "KeyMark", "digest", "read_mark"]

MAX_KEY_LENGTH = 255
"""Characters of an Idempotency-Key."""

_MAX_NAME_LENGTH = MAX_KEY_LENGTH + 20
"""Characters of a mark's key: an Idempotency-Key behind a number of at most 18 digits."""

_DIGEST_LENGTH = 64
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

    def to_attribute(self) -> dict[str, str]:
        """Return the value of ``attributes.user.fluxapi``."""
        return {"key": self.key, "digest": self.digest}


def read_mark(jobspec: Any) -> KeyMark | None:
    """Return the mark of a jobspec, or ``None`` where there is none or something else."""
    try:
        attribute = jobspec["attributes"]["user"]["fluxapi"]
        key, of_request = attribute["key"], attribute["digest"]
    except (KeyError, TypeError, IndexError):
        return None
    if not (isinstance(key, str) and isinstance(of_request, str)):
        return None
    if len(key) > _MAX_NAME_LENGTH or len(of_request) > _DIGEST_LENGTH:
        return None
    return KeyMark(key, of_request)
